"""What must be true of a home's files after every kill, read without fabula."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any


def broken_promises(home: Path, *, ended: bool) -> list[str]:
    """Return what is wrong with a home's databases; `ended`: its run has succeeded.

    Both files pass SQLite's own check, events are numbered without a gap, no question was
    answered twice, and at the end each task that started has exactly one finish.
    """
    found = [
        f"{name}: {line}"
        for name in ("fabula.db", "checkpoints.db")
        if (home / name).exists()
        for (line,) in _rows(home / name, "PRAGMA integrity_check")
        if line != "ok"
    ]
    if not (home / "fabula.db").exists():
        return found
    rows = home / "fabula.db"
    numbers = [seq for (seq,) in _rows(rows, "SELECT seq FROM events ORDER BY run, seq")]
    if numbers != list(range(1, len(numbers) + 1)):
        found.append(f"events: numbered {numbers}")
    twice = "SELECT key FROM ledger WHERE state = 'answered' GROUP BY key HAVING count(*) > 1"
    found += [f"ledger: answered twice: {key}" for (key,) in _rows(rows, twice)]
    phases = _rows(rows, "SELECT task, phase FROM events WHERE task IS NOT NULL")
    started = Counter(task for task, phase in phases if phase == "start")
    finished = Counter(task for task, phase in phases if phase == "finish")
    if ended and started != finished:
        missing = len(started - finished)
        found.append(
            f"events: {missing} tasks without a finish, {len(finished - started)} without a start"
        )
    if not ended and finished - started:
        found.append("events: a task finished that never started")
    if max([*started.values(), *finished.values()], default=1) > 1:
        found.append("events: a task's phase stands twice")
    return found


def fingerprint(home: Path) -> dict[str, Sequence[Any]]:
    """Return every row that a run may write, by table."""
    tables = ("runs", "documents", "artifacts", "ledger", "events")
    return {
        table: _rows(home / "fabula.db", f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608 - our names
        for table in tables
    }


def mishaps(home: Path) -> Counter[str]:
    """Count the events of a run that say that an item or a step went wrong."""
    query = "SELECT type FROM events WHERE type IN ('placeholder', 'step.failed')"
    return Counter(type_ for (type_,) in _rows(home / "fabula.db", query))


def run_started(home: Path) -> bool:
    """Say whether the home holds a run row: what was killed before it is started anew."""
    path = home / "fabula.db"
    if not path.exists():
        return False
    has = _rows(path, "SELECT 1 FROM sqlite_master WHERE name = 'runs'")
    return bool(has) and bool(_rows(path, "SELECT 1 FROM runs"))


def _rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        return connection.execute(query).fetchall()
