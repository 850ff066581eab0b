"""Measure the service under load: `python -m benchmarks.service [--quick] [--skip NAME]`.

Prints one table and writes `reports/bench-service.json`; exits 1 where a promise is broken. The
load and the crowd come from this process, over loopback, to a service process of its own on
SQLite; faults and fairness are those of `benchmarks.chaos`, with Redis and PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.crowd import CLIENTS, ITEMS, allow_files, followed_by
from benchmarks.ground import ROOT, WorkerFailed
from benchmarks.hosting import hosted
from benchmarks.load import create_and_get, executed, percentile_ms
from benchmarks.overhead import fsync_ms

Figures = dict[str, Any]
FAULTS = ("kills", "fairness")
WORDS = {
    "fsync_ms_p50": "ms, write and sync 4 kB where the database lies",
    "create_get_per_s": "requests a second: 50 clients, each POST /v1/runs and then GET the run",
    "p50_ms": "ms, of creates and gets together",
    "p95_ms": "ms",
    "p99_ms": "ms",
    "create_p50_ms": "ms, the row, its brief, its events and one sync",
    "get_p50_ms": "ms",
    "runs": "runs made so, by a process that executes none",
    "rss_mb_fresh": "MB of the service, before",
    "rss_mb_after_10k": "MB of the service, after `runs` runs",
    "executed_per_s": "runs of one node a second, made and executed by one process",
    "executed_growth_mb": "MB that the process grew by over the last half of them",
    "sse_clients": "clients that follow one live run of one process",
    "sse_events": "events of the run",
    "sse_missed": "of all events to all clients",
    "sse_repeated": "of all events to all clients",
    "sse_behind_s": "s from the run's end until the last client knew of it",
    "sse_rss_mb": "MB of the service with all of them",
}


def load(folder: Path, *, quick: bool) -> Figures:
    """Ask for runs that nobody executes, so that what is timed is HTTP and store alone."""
    runs = 200 if quick else 10_000
    disk = fsync_ms(folder)
    with hosted(folder / "load", batch_slots=0, interactive_slots=0) as host:
        asyncio.run(create_and_get(host.url, runs=50))
        fresh = host.rss_mb()
        found = asyncio.run(create_and_get(host.url, runs=runs))
        after = host.rss_mb()
    return {
        "fsync_ms_p50": round(disk, 3),
        "create_get_per_s": round(found.per_s, 1),
        "p50_ms": round(found.ms(0.5), 1),
        "p95_ms": round(found.ms(0.95), 1),
        "p99_ms": round(found.ms(0.99), 1),
        "create_p50_ms": round(percentile_ms(found.creates, 0.5), 1),
        "get_p50_ms": round(percentile_ms(found.gets, 0.5), 1),
        "runs": runs,
        "rss_mb_fresh": round(fresh, 1),
        "rss_mb_after_10k": round(after, 1),
    }


def execution(folder: Path, *, quick: bool) -> Figures:
    """Let the process execute what it is asked for, and see whether it grows."""
    runs = 20 if quick else 400
    with hosted(folder / "execution", batch_slots=4) as host:
        asyncio.run(executed(host.url, runs=runs // 2))
        half = host.rss_mb()
        took = asyncio.run(executed(host.url, runs=runs // 2))
        grown = host.rss_mb() - half
    return {
        "executed_per_s": round(runs // 2 / took, 1),
        "executed_growth_mb": round(grown, 1),
    }


def crowd(folder: Path, *, quick: bool) -> Figures:
    """Let many follow one live run."""
    clients = 50 if quick else CLIENTS
    allow_files(clients)
    with hosted(folder / "crowd") as host:
        seen = asyncio.run(followed_by(host, clients=clients, items=5 if quick else ITEMS))
    return {
        "sse_clients": seen.clients,
        "sse_events": seen.events,
        "sse_missed": seen.missed,
        "sse_repeated": seen.repeated,
        "sse_behind_s": round(seen.behind_s, 2),
        "sse_rss_mb": round(seen.rss_mb, 1),
    }


def faults(folder: Path, *, quick: bool) -> Figures:
    """Kill workers, and compare fairness with first-in-first-out; the figures of both."""
    out = folder / "chaos.json"
    only = [part for name in FAULTS for part in ("--only", name)]
    command = [sys.executable, "-m", "benchmarks.chaos", "--out", str(out), *only]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, *(["--quick"] if quick else [])], cwd=ROOT, check=False
    )
    if not out.exists():
        raise WorkerFailed(f"the rehearsal ended with {done.returncode} and no report")
    told = json.loads(out.read_text("utf-8"))
    kept = {key: value for key, value in told.items() if key not in ("scenarios", "seed", "load")}
    return {**kept, "chaos.holds": done.returncode == 0}


PARTS: Mapping[str, Callable[..., Figures]] = {
    "load": load,
    "execution": execution,
    "crowd": crowd,
    "faults": faults,
}


def broken(figures: Mapping[str, Any]) -> list[str]:
    """Say which promises the figures break."""
    nothing = ("sse_missed", "sse_repeated", "chaos.lost", "chaos.doubled")
    found = [f"{key} is {figures[key]}, not 0" for key in nothing if figures.get(key)]
    if not figures.get("chaos.holds", True):
        found.append("a rehearsed fault missed its target")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the report; 1 where a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service")
    parser.add_argument("--quick", action="store_true", help="a few of everything")
    parser.add_argument("--skip", choices=tuple(PARTS), action="append", default=[])
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "bench-service.json")
    given = parser.parse_args(argv)
    began, before = time.monotonic(), os.getloadavg()[0]
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="fabula-service-") as name:
        for part, measure in PARTS.items():
            if part not in given.skip:
                figures |= measure(Path(name), quick=given.quick)
                figures[f"load_at_{part}"] = round(os.getloadavg()[0], 1)
    missed = broken(figures)
    figures |= {"cores": os.cpu_count(), "load_before": round(before, 1), "broken": missed}
    figures["seconds"] = round(time.monotonic() - began)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", "utf-8")
    console = Console()
    console.print(_table(figures))
    for line in missed:
        console.print(f"MISSED: {line}", markup=False)
    return 1 if missed else 0


def _table(figures: Mapping[str, Any]) -> Table:
    table = Table("figure", "measured", "of what")
    for key, value in figures.items():
        table.add_row(key, str(value), WORDS.get(key, ""))
    return table


if __name__ == "__main__":
    sys.exit(main())
