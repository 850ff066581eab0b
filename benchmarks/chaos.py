"""Rehearse the faults: `python -m benchmarks.chaos [--seed N] [--only NAME] [--quick]`.

Each scenario plays on a fleet of workers with a real Redis and PostgreSQL; the auditor looks at
what is left. Prints one table and writes `reports/chaos.json`; exits 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.audit import Findings
from benchmarks.day import chaos_day
from benchmarks.fair import fairness
from benchmarks.fleet import Shape
from benchmarks.ground import ROOT
from benchmarks.rehearse import (
    Ground,
    Load,
    kill_storm,
    long_saga,
    poison,
    postgres_restarts,
    redis_gone,
    rolling,
    sleeper,
)
from fabula.testing.servers import PostgresServer, RedisServer

LONG_S = 600.0
WIDTH = 140
MEDIAN_S, WORST_S = 3.5, 5.0
"""How soon a run of a killed worker has another owner, with a lease of 3 s."""
FAIR, PRICE, ENOUGH = 0.99, 0.95, 20
"""Jain's index, throughput against first-in-first-out, and parts of each project, at least."""


@dataclass
class Outcome:
    """What a scenario found, its own figures, and what of them misses its target."""

    findings: Findings
    figures: Mapping[str, float] = field(default_factory=dict)
    missed: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        return self.findings.holds and not self.missed

    def as_json(self) -> dict[str, Any]:
        own = {"holds": self.holds, "missed": list(self.missed), **self.figures}
        return {**self.findings.as_json(), **own}


@dataclass(frozen=True)
class Plan:
    """How much of everything: the figures, or a quick look whether all of it works."""

    seed: int
    quick: bool = False

    def of(self, many: int, few: int) -> int:
        return few if self.quick else many


async def storm(ground: Ground, plan: Plan) -> Outcome:
    """Kill -9 of a random worker, twenty times and more, while sixty runs are executed."""
    shape = Shape(slots=20, latency_ms=800)
    load = Load(runs=plan.of(60, 8), count=40, at_once=plan.of(14, 8))
    async with ground.fleet("storm", shape) as crew:
        found = await kill_storm(crew, load, kills=plan.of(22, 2), seed=plan.seed, within_s=LONG_S)
    missed = [] if found.in_flight else ["no kill hit a call: nothing was put to the test"]
    if found.takeover_median_s > MEDIAN_S:
        missed.append(f"takeover median {found.takeover_median_s:.2f} s > {MEDIAN_S} s")
    if found.takeover_worst_s > WORST_S:
        missed.append(f"takeover worst {found.takeover_worst_s:.2f} s > {WORST_S} s")
    return Outcome(found, {"kills": len(crew.losses)}, missed)


async def sleeping(ground: Ground, plan: Plan) -> Outcome:
    """SIGSTOP past the lease: others finish, the sleeper wakes and writes nothing."""
    load = Load(runs=plan.of(9, 4), count=30, at_once=9)
    async with ground.fleet("sleeper", Shape(latency_ms=200)) as crew:
        found, writes = await sleeper(crew, load, within_s=LONG_S)
    return Outcome(found, {"sleeper_writes": writes}, [f"{writes} writes"] if writes else [])


async def redis_away(ground: Ground, plan: Plan) -> Outcome:
    """FLUSHALL six times, and a kill without persistence in the middle."""
    load = Load(runs=plan.of(30, 8), count=30, at_once=12)
    with RedisServer() as own:
        async with ground.fleet("redis", Shape(latency_ms=150), redis=own) as crew:
            found = await redis_gone(crew, load, flushes=6, away_s=4.0, within_s=LONG_S)
    return Outcome(found, {"flushes": 6}, _none_repaid(found))


async def postgres_away(ground: Ground, plan: Plan) -> Outcome:
    """PostgreSQL restarted in the middle, in order and by a crash."""
    load = Load(runs=plan.of(24, 6), count=60, at_once=24)
    times = plan.of(4, 1)
    with PostgresServer(durable=True) as own:
        there = Ground(ground.folder, own, ground.redis)
        async with there.fleet("postgres", Shape(latency_ms=250)) as crew:
            found = await postgres_restarts(crew, load, own, times=times, within_s=LONG_S)
    return Outcome(found, {"restarts": times})


async def parts(ground: Ground, plan: Plan) -> Outcome:
    """One run of 300 parts, whoever executes it killed again and again."""
    async with ground.fleet("saga", Shape(latency_ms=60)) as crew:
        found = await long_saga(
            crew,
            parts=plan.of(300, 40),
            kills=plan.of(8, 2),
            seed=plan.seed,
            within_s=LONG_S,
            whole=ground.folder / "whole",
        )
    return Outcome(found, {"parts": plan.of(300, 40)})


async def restarts(ground: Ground, plan: Plan) -> Outcome:
    """SIGTERM to one worker after another, as a new version is rolled out."""
    load = Load(runs=plan.of(40, 8), count=40, at_once=12)
    async with ground.fleet("rolling", Shape(latency_ms=400)) as crew:
        found, longest = await rolling(crew, load, rounds=plan.of(3, 1), within_s=LONG_S)
    return Outcome(found, {"longest_exit_s": round(longest, 2)}, _none_repaid(found))


async def poisoned(ground: Ground, plan: Plan) -> Outcome:  # noqa: ARG001 - it takes no measure
    """Give up a run that kills whoever executes it; its neighbours succeed."""
    async with ground.fleet("poison", Shape(latency_ms=1500, lease_s=2.0)) as crew:
        found, deaths = await poison(crew, neighbours=6, count=6, within_s=LONG_S)
    return Outcome(found, {"deaths": deaths})


async def day(ground: Ground, plan: Plan) -> Outcome:
    """Everything at once, from one seed: the monthly rehearsal."""
    with RedisServer() as redis, PostgresServer(durable=True) as postgres:
        there = Ground(ground.folder, postgres, redis)
        found, faults = await chaos_day(
            there, seed=plan.seed, faults=plan.of(24, 6), within_s=LONG_S
        )
    return Outcome(found, {"faults": faults})


async def fair(ground: Ground, plan: Plan) -> Outcome:
    """Ten projects, one of them greedy, against first-in-first-out on the same workers."""
    shape = Shape(slots=4, latency_ms=30, switched=True)
    async with ground.fleet("fair", shape) as crew:
        found = await fairness(
            crew,
            greedy=plan.of(2400, 1000),
            others=plan.of(200, 60),
            turns=plan.of(8, 2),
            turn_s=plan.of(6, 4),
            newcomers=5,
        )
    told = found.as_json()
    missed = []
    # A few seconds are too few parts to say more than whether a newcomer waits.
    if not plan.quick:
        if found.jain < FAIR:
            missed.append(f"Jain {found.jain:.4f} < {FAIR}")
        if found.throughput < PRICE:
            missed.append(f"throughput {found.throughput:.3f} < {PRICE}")
        if told["fewest_parts"] < ENOUGH:
            missed.append(f"only {told['fewest_parts']} parts of one project")
    if told["delay_parts_worst"] > 1:
        missed.append(f"a newcomer waited for {told['delay_parts_worst']} parts")
    return Outcome(Findings(), told, missed)


Scenario = Callable[[Ground, Plan], Awaitable[Outcome]]
SCENARIOS: Mapping[str, Scenario] = {
    "kills": storm,
    "sleeper": sleeping,
    "redis": redis_away,
    "postgres": postgres_away,
    "parts": parts,
    "rolling": restarts,
    "poison": poisoned,
    "fairness": fair,
    "day": day,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Play, print, write the report; 1 when a promise is broken or a target missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=tuple(SCENARIOS), action="append", default=[])
    parser.add_argument("--quick", action="store_true", help="a few of everything")
    parser.add_argument("--keep", type=Path, help="a new folder for homes and logs")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "chaos.json")
    given = parser.parse_args(argv)
    console, played = Console(width=WIDTH), dict[str, Outcome]()
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="fabula-chaos-") as temporary:
        folder = given.keep or Path(temporary)
        for name in given.only or SCENARIOS:
            began = time.monotonic()
            outcome = asyncio.run(_play(SCENARIOS[name], folder, Plan(given.seed, given.quick)))
            played[name] = outcome
            verdict = "holds" if outcome.holds else "MISSED"
            console.print(f"{name}: {verdict}, {time.monotonic() - began:.0f} s")
            for line in [*outcome.findings.broken[:10], *outcome.missed]:
                console.print(f"  {line}", markup=False)
    console.print(_table(played))
    told = report(played) | {"seed": given.seed, "load": [load_before, os.getloadavg()[0]]}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return 0 if all(one.holds for one in played.values()) else 1


def report(played: Mapping[str, Outcome]) -> dict[str, Any]:
    """Return the figures under their stable keys, and each scenario's own."""
    found = [one.findings for one in played.values()]
    kills = played["kills"].findings if "kills" in played else Findings()
    told: dict[str, Any] = {
        "chaos.lost": sum(one.lost for one in found),
        "chaos.doubled": sum(one.doubled for one in found),
        "chaos.repaid": sum(one.repaid for one in found),
        "chaos.in_flight": sum(one.in_flight for one in found),
        "takeover_median_s": round(kills.takeover_median_s, 2),
        "takeover_worst_s": round(kills.takeover_worst_s, 2),
    }
    for one in played.values():
        told |= {key: value for key, value in one.figures.items() if key in _STABLE}
    return {**told, "scenarios": {name: one.as_json() for name, one in played.items()}}


_STABLE = ("sleeper_writes", "fairness_jain", "fairness_throughput")


async def _play(scenario: Scenario, folder: Path, plan: Plan) -> Outcome:
    with RedisServer() as redis, PostgresServer() as postgres:
        return await scenario(Ground(folder, postgres, redis), plan)


def _none_repaid(found: Findings) -> list[str]:
    return [f"{found.repaid} calls were paid twice"] if found.repaid else []


def _table(played: Mapping[str, Outcome]) -> Table:
    heads = ("runs", "lost", "doubled", "repaid", "in flight", "taken over", "median s", "worst s")
    table = Table("fault", *heads, "its own", "")
    for name, one in played.items():
        found = one.findings
        counts = (found.runs, found.lost, found.doubled, found.repaid, found.in_flight)
        times = (found.takeover_median_s, found.takeover_worst_s)
        own = ", ".join(f"{key} {value:g}" for key, value in one.figures.items())
        table.add_row(
            name,
            *(str(count) for count in counts),
            str(len(found.takeovers)),
            *(f"{seconds:.2f}" for seconds in times),
            own,
            "holds" if one.holds else "MISSED",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
