"""Kill workers with SIGKILL, resume in new processes, and compare with an unbroken run.

What was in flight is counted by the server that bills, never by the ledger: from a call's receipt
until the worker acknowledged its record.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from benchmarks.ground import Ground, Task, WorkerFailed, prepared, was_killed
from benchmarks.sound import broken_promises, mishaps, run_started
from benchmarks.worker import POINTS, Point

SETTLE_MS = 300.0
"""What a worker sent before it died may be on its way in for as long, on a busy machine."""
FIRST, MIDDLE, LATE = 1, 5, 9
"""At which of its visits a named point strikes; checkpoints are fewer than calls."""
CHECKPOINTS = {FIRST: 2, MIDDLE: 4, LATE: 6}


class Blow(NamedTuple):
    """One kill: at the `nth` visit of a named point, or from outside after `after_s`.

    The time runs from the process's first call.
    """

    point: Point | None
    nth: int = 0
    after_s: float = 0.0

    @property
    def name(self) -> str:
        return self.point or "random"


@dataclass
class Verdict:
    """What the kills of one run cost and whether they show in its result."""

    blows: Sequence[Blow]
    kills: int = 0
    in_flight: int = 0
    repaid: int = 0
    lost: bool = False
    unequal: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        wrong = self.lost or self.unequal or self.broken
        return not wrong and self.repaid <= self.in_flight and self.kills == len(self.blows)


@dataclass(frozen=True)
class Unbroken:
    """The run that nobody killed: its files, its bill, and how long its calls took."""

    published: dict[str, bytes]
    paid: Counter[str]
    calls_s: float


def unbroken(task: Task, folder: Path) -> Unbroken:
    """Run the task once without a kill."""
    with prepared(task, folder) as ground:
        result = ground.finish()
        calls = ground.server.calls
        if result["status"] != "succeeded" or not calls:
            raise WorkerFailed(f"the unbroken run ended {result}")
        return Unbroken(ground.published(), ground.paid(), time_between_calls(ground))


def time_between_calls(ground: Ground) -> float:
    """Return the seconds from the first call's receipt to the last call's answer."""
    calls = ground.server.calls
    return max(call.answered_at or 0 for call in calls) - calls[0].received_at


def tried(task: Task, blows: Sequence[Blow], whole: Unbroken, folder: Path) -> Verdict:
    """Run the task, killed once by each blow, each time resumed in a new process."""
    verdict = Verdict(blows)
    with prepared(task, folder) as ground:
        may_repeat: Counter[str] = Counter()
        for blow in blows:
            flying = struck(ground, blow)
            if flying is None:
                break
            verdict.kills += 1
            verdict.in_flight += len(flying)
            may_repeat.update(flying)
            verdict.broken += broken_promises(ground.home, ended=False)
        result = ground.finish(resume=run_started(ground.home))
        again = ground.paid() - whole.paid
        verdict.repaid = again.total()
        verdict.lost = result["status"] != "succeeded" or bool(mishaps(ground.home))
        verdict.unequal = differing(ground.published(), whole.published)
        verdict.broken += broken_promises(ground.home, ended=True)
        if again - may_repeat:
            verdict.broken.append("paid again for a call that was not in flight")
        if whole.paid - ground.paid():
            verdict.broken.append("other questions were asked than in the unbroken run")
    return verdict


def struck(ground: Ground, blow: Blow) -> list[str] | None:
    """Start or resume the run and kill it; return what was in flight, None if it ended before."""
    resume = run_started(ground.home)
    if blow.point:
        killed = was_killed(ground.start(resume=resume, point=blow.point, nth=blow.nth))
    else:
        worker = ground.start(resume=resume)
        ground.wait_for_call(worker)
        time.sleep(blow.after_s)
        worker.kill()
        killed = was_killed(worker)
    if not killed:
        return None
    # Every worker acknowledges, so a random kill is counted by records as well.
    return [call.body_hash for call in ground.server.mark_kill(settle_ms=SETTLE_MS)]


def differing(got: dict[str, bytes], wanted: dict[str, bytes]) -> list[str]:
    """Return the names of files that are missing, new or unequal."""
    return sorted(name for name in got.keys() | wanted.keys() if got.get(name) != wanted.get(name))


def one_kill_each(seed: int, calls_s: float) -> list[list[Blow]]:
    """Return 20 runs' blows: each named point three times, and five at random."""
    named = [
        [Blow(point, CHECKPOINTS[nth] if point == "after_checkpoint" else nth)]
        for point in POINTS
        for nth in (FIRST, MIDDLE, LATE)
    ]
    dice = random.Random(seed)  # noqa: S311 - a seeded choice of moments
    return [*named, *([Blow(None, after_s=dice.uniform(0, calls_s))] for _ in range(5))]


def twenty_kills(seed: int) -> list[Blow]:
    """Return 20 blows for one long run.

    A long fan-out is one superstep: the checkpoints before it and after it are struck first and
    last, and between them every other point in turn, and random moments.
    """
    dice = random.Random(seed)  # noqa: S311 - a seeded choice of moments
    at_checkpoint = Blow("after_checkpoint", 1)
    turns: Iterator[Point] = (point for _ in range(3) for point in POINTS[:4])
    middle = [Blow(point, dice.randint(4, 12)) for point in turns]
    middle += [Blow(None, after_s=dice.uniform(0.02, 0.2)) for _ in range(4)]
    dice.shuffle(middle)
    return [at_checkpoint, at_checkpoint, *middle, at_checkpoint, at_checkpoint]


def try_each(
    task: Task, plans: Sequence[Sequence[Blow]], whole: Unbroken, folder: Path, *, at_once: int = 2
) -> list[Verdict]:
    """Try every plan in a folder of its own, a few at a time."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(
            pool.map(
                lambda numbered: tried(task, numbered[1], whole, folder / f"run-{numbered[0]}"),
                enumerate(plans),
            )
        )
