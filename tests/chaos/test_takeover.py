"""A process that slept through its lease wakes up to a run that another has finished."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.ground import Ground, Task, prepared
from benchmarks.kill import Unbroken
from benchmarks.sound import broken_promises, fingerprint
from benchmarks.worker import Point

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        ("after_pay", 5),  # it holds a paid answer that is not recorded
        ("after_checkpoint", 4),  # the writers are done, the result is not made
        ("after_checkpoint", 6),  # only the end is left to write
    ],
)
def test_a_sleeper_writes_nothing_once_its_run_was_taken_over(
    point: Point, nth: int, echo: Task, whole: Unbroken, tmp_path: Path
) -> None:
    with prepared(echo, tmp_path / "run") as ground:
        sleeper = ground.start(point=point, nth=nth, by="SIGSTOP")
        try:
            _wait_until_stopped(sleeper)
            _leave_the_files_unlocked(sleeper, ground.home)
            taken_over = ground.finish(resume=True)
            rows, files = fingerprint(ground.home), _files(ground)
            sleeper.send_signal(signal.SIGCONT)
            woken = ground.outcome(sleeper)
        finally:
            sleeper.kill()
            sleeper.wait()

        assert taken_over["status"] == "succeeded"
        assert (woken["status"], woken["code"]) == ("refused", "lease_lost")
        assert fingerprint(ground.home) == rows
        assert _files(ground) == files
        assert ground.published() == whole.published
        assert broken_promises(ground.home, ended=True) == []


def test_a_sleeper_that_had_claimed_a_call_does_not_send_it_when_it_wakes(
    echo: Task, whole: Unbroken, tmp_path: Path
) -> None:
    with prepared(echo, tmp_path / "run") as ground:
        sleeper = ground.start(point="after_claim", nth=3, by="SIGSTOP")
        try:
            _wait_until_stopped(sleeper)
            _leave_the_files_unlocked(sleeper, ground.home)
            # The others that it has sent by then are asked anew, and no more than those.
            asleep = len(ground.server.calls)
            ground.finish(resume=True)
            sent = len(ground.server.calls)
            sleeper.send_signal(signal.SIGCONT)
            woken = ground.outcome(sleeper)
        finally:
            sleeper.kill()
            sleeper.wait()

        assert (woken["status"], woken["code"]) == ("refused", "lease_lost")
        assert len(ground.server.calls) == sent
        assert sent <= whole.paid.total() + asleep
        assert ground.published() == whole.published


def _wait_until_stopped(worker: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        pid, status = os.waitpid(worker.pid, os.WNOHANG | os.WUNTRACED)
        if pid:
            assert os.WIFSTOPPED(status), "the worker ended before it slept"
            return
        time.sleep(0.01)
    raise AssertionError("the worker never slept")


def _leave_the_files_unlocked(worker: subprocess.Popen[str], home: Path) -> None:
    """Let a worker that sleeps inside a transaction end that first: SQLite knows no fence."""
    for _ in range(50):
        if not any(_locked(home / name) for name in ("fabula.db", "checkpoints.db")):
            return
        worker.send_signal(signal.SIGCONT)
        time.sleep(0.001)
        worker.send_signal(signal.SIGSTOP)
        _wait_until_stopped(worker)
    raise AssertionError("the worker sleeps in transactions alone")


def _locked(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.rollback()
    return False


def _files(ground: Ground) -> dict[str, bytes]:
    return {
        path.relative_to(ground.out).as_posix(): path.read_bytes()
        for path in sorted(ground.out.rglob("*"))
        if path.is_file()
    }
