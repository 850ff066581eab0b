"""Fairness between projects: parts finished while a greedy one floods the queue, and its price.

Fair and first-in-first-out claims take turns of a few seconds on the same workers, so that what
else the machine does weighs on both alike.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fifo import SWITCH
from benchmarks.fleet import Fleet

PROJECTS = 10
GREEDY = "p0"
_TURN = {
    "fair": "UPDATE claim_order SET fifo = false",
    "fifo": "UPDATE claim_order SET fifo = true",
}


@dataclass
class Fairness:
    """What was measured; `parts` are those that each project finished under fair claims."""

    parts: Mapping[str, int]
    fair_per_s: float
    fifo_per_s: float
    delays: list[int] = field(default_factory=list)
    """For each newcomer, how many of the greedy project's parts were begun before its first."""

    @property
    def jain(self) -> float:
        return jain(list(self.parts.values()))

    @property
    def throughput(self) -> float:
        """What fair claims get done, as a part of what first-in-first-out does."""
        return self.fair_per_s / self.fifo_per_s if self.fifo_per_s else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "fairness_jain": round(self.jain, 4),
            "fairness_throughput": round(self.throughput, 3),
            "fair_parts_per_s": round(self.fair_per_s, 2),
            "fifo_parts_per_s": round(self.fifo_per_s, 2),
            "fewest_parts": min(self.parts.values(), default=0),
            "most_parts": max(self.parts.values(), default=0),
            "delay_parts_worst": max(self.delays, default=0),
        }


def jain(parts: Sequence[int]) -> float:
    """Return Jain's index: 1 where all have the same, 1/n where one has everything."""
    squares = sum(one * one for one in parts)
    return sum(parts) ** 2 / (len(parts) * squares) if squares else 0.0


async def fairness(
    crew: Fleet, *, greedy: int, others: int, turns: int, turn_s: float, newcomers: int
) -> Fairness:
    """Flood the queue from one project, let nine others have work too, and count who is served.

    Each run is one part of one call. The greedy project has `greedy` runs, each other `others`.
    """
    for statement in SWITCH.split(";"):
        crew.watch.execute(statement)
    await _flood(crew, GREEDY, greedy)
    delays = [await _delay(crew, f"new{number}") for number in range(newcomers)]
    for number in range(1, PROJECTS):
        await _flood(crew, f"p{number}", others)
    parts: Counter[str] = Counter()
    done = {"fair": 0, "fifo": 0}
    for turn in range(2 * turns):
        # a b b a: a machine that grows slower or quicker favours neither.
        order = ("fair", "fifo", "fifo", "fair")[turn % 4]
        crew.watch.execute(_TURN[order])
        await _settled(crew)
        before = await asyncio.to_thread(_finished, crew)
        await asyncio.sleep(turn_s)
        during = await asyncio.to_thread(_finished, crew) - before
        done[order] += during.total()
        if order == "fair":
            parts += during
    short = [name for name in (f"p{n}" for n in range(PROJECTS)) if _waiting(crew, name) == 0]
    if short:
        raise RuntimeError(f"{', '.join(short)} ran out of work: give each project more")
    counted = {f"p{number}": parts[f"p{number}"] for number in range(PROJECTS)}
    measured_s = turns * turn_s
    return Fairness(counted, done["fair"] / measured_s, done["fifo"] / measured_s, delays)


async def _flood(crew: Fleet, project: str, runs: int) -> None:
    """Submit runs of one part; one by one each would be estimated, so a few at a time."""
    asked = [
        crew.submit("saga", {"text": f"{project} {n} 끝", "parts": 1}, project=project)
        for n in range(runs)
    ]
    for start in range(0, runs, 20):
        await asyncio.gather(*asked[start : start + 20])


async def _delay(crew: Fleet, project: str) -> int:
    """Submit a newcomer's only run; count the greedy parts begun before it, after its row."""
    run = await crew.submit("saga", {"text": f"{project} 끝", "parts": 1}, project=project)
    ended = await crew.rest([run], within_s=60.0)
    if ended[run] != "succeeded":
        raise RuntimeError(f"the newcomer ended {ended[run]}")
    ((count,),) = crew.watch.rows(
        "SELECT count(*) FROM watched w JOIN runs g ON g.id = w.run "
        "WHERE w.what = 'run' AND w.name = 'running' AND g.project = %s "
        "AND w.at > (SELECT created_at FROM runs WHERE id = %s) AND w.number < "
        "(SELECT min(number) FROM watched WHERE run = %s AND name = 'running')",
        GREEDY,
        run,
        run,
    )
    return int(count)


async def _settled(crew: Fleet) -> None:
    """Wait until whatever was claimed before has ended: it was chosen in the other order."""
    query = "SELECT id FROM runs WHERE status = 'running'"
    begun = [str(run) for (run,) in await asyncio.to_thread(crew.watch.rows, query)]
    query = "SELECT count(*) FROM runs WHERE status = 'running' AND id = ANY(%s)"
    while (await asyncio.to_thread(crew.watch.rows, query, begun))[0][0]:  # noqa: ASYNC110 - rows
        await asyncio.sleep(0.1)


def _finished(crew: Fleet) -> Counter[str]:
    rows = crew.watch.rows(
        "SELECT project, count(*) FROM runs WHERE status = 'succeeded' GROUP BY 1"
    )
    return Counter({str(project): int(count) for project, count in rows})


def _waiting(crew: Fleet, project: str) -> int:
    query = "SELECT count(*) FROM runs WHERE status = 'queued' AND project = %s"
    return int(crew.watch.rows(query, project)[0][0])
