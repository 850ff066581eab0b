"""The rehearsed faults: each drives a fleet through one kind of trouble and audits what is left."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.audit import Findings, audit
from benchmarks.crew import PRODUCTS
from benchmarks.fleet import ACTIVE, Fleet, Member, Shape, fleet
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.testing.faults import Script
from fabula.testing.parts import calls_of
from fabula.testing.servers import PostgresServer, RedisServer

LOOK_S = 0.05


@dataclass(frozen=True)
class Ground:
    """Where scenarios are played: two servers and a folder; each takes a database of its own."""

    folder: Path
    postgres: PostgresServer
    redis: RedisServer

    def fleet(
        self, name: str, shape: Shape, *, redis: RedisServer | None = None
    ) -> AbstractAsyncContextManager[Fleet]:
        """Make a fleet that is named after its scenario."""
        return fleet(
            self.folder / name,
            shape,
            postgres=self.postgres,
            redis=redis or self.redis,
            name=name,
        )


@dataclass(frozen=True)
class Load:
    """Echo runs: how many, of how many calls each, and how many are active at once at most."""

    runs: int
    count: int
    at_once: int
    writers: int = 1

    @property
    def calls(self) -> int:
        return self.runs * (self.count + 1)


async def fed(crew: Fleet, load: Load) -> list[str]:
    """Submit the load, always with so many active, and return the runs once all are in."""
    runs: list[str] = []
    while len(runs) < load.runs:
        statuses = await asyncio.to_thread(crew.watch.statuses)
        active = statuses["queued"] + statuses["running"]
        for _ in range(min(load.at_once - active, load.runs - len(runs))):
            brief = {"text": f"이야기 {len(runs) + 1} 끝", "count": load.count}
            flags = {"writers": load.writers}
            runs.append(await crew.submit("echo", brief, flags=flags, project=f"p{len(runs) % 5}"))
        await asyncio.sleep(0.2)
    return runs


async def kill_storm(
    crew: Fleet, load: Load, *, kills: int, seed: int, within_s: float
) -> Findings:
    """Kill a random worker again and again while the runs are executed.

    Each kill comes at least a lease after the last restart.
    """
    dice = random.Random(seed)  # noqa: S311 - a seeded choice of moments
    feeding = asyncio.create_task(fed(crew, load))
    for _ in range(kills):
        await _busy(crew)
        await asyncio.sleep(crew.shape.lease_s + dice.uniform(0.05, 1.0))
        await _busy(crew)
        member = dice.choice(crew.members)
        await crew.kill(member)
        await crew.start(member)
    runs = await feeding
    await crew.rest(runs, within_s=within_s)
    return await asyncio.to_thread(audit, crew, runs, calls=load.calls)


async def sleeper(crew: Fleet, load: Load, *, within_s: float) -> tuple[Findings, int]:
    """Stop a worker past its lease, let the others finish, wake it; count what it writes then."""
    runs = await fed(crew, load)
    member = await _with_work(crew)
    assert member.process  # noqa: S101 - it was started
    member.process.send_signal(signal.SIGSTOP)
    # Its calls are sent anew by whoever takes over: they were in flight, though nobody died.
    await crew.struck(member, time.time())
    left = await crew.rest(runs, within_s=within_s)
    before = await asyncio.to_thread(crew.watch.fingerprint)
    member.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(3 * crew.shape.lease_s)
    after = await asyncio.to_thread(crew.watch.fingerprint)
    writes = sum(len(set(after[table]) ^ set(before[table])) for table in after)
    findings = await asyncio.to_thread(audit, crew, runs, calls=load.calls)
    findings.broken += [
        f"{run} was {status} while its worker slept"
        for run, status in left.items()
        if status in ACTIVE
    ]
    if await crew.end(member) != 0:
        findings.broken.append("the sleeper did not end in order")
    return findings, writes


async def redis_gone(
    crew: Fleet, load: Load, *, flushes: int, away_s: float, within_s: float
) -> Findings:
    """Empty Redis again and again, then kill it without persistence, and bring it back."""
    from redis import Redis

    feeding = asyncio.create_task(fed(crew, load))
    await _busy(crew)
    for number in range(flushes):
        await asyncio.sleep(0.3)
        with Redis.from_url(crew.redis.url) as client:
            client.flushall()
        if number == flushes // 2:
            await asyncio.to_thread(crew.redis.kill)
            await asyncio.sleep(away_s)
            await asyncio.to_thread(crew.redis.start)
    runs = await feeding
    await crew.rest(runs, within_s=within_s)
    findings = await asyncio.to_thread(audit, crew, runs, calls=load.calls)
    findings.broken += _dead(crew)
    return findings


async def postgres_restarts(
    crew: Fleet, load: Load, postgres: PostgresServer, *, times: int, within_s: float
) -> Findings:
    """Restart PostgreSQL in the middle of everything, in order and by a crash in turns."""
    feeding = asyncio.create_task(fed(crew, load))
    runs = await feeding
    for number in range(times):
        await _busy(crew)
        if number % 2:
            await asyncio.to_thread(postgres.kill)
        await asyncio.to_thread(postgres.restart)
        await asyncio.sleep(1.0)
    await crew.rest(runs, within_s=within_s)
    findings = await asyncio.to_thread(audit, crew, runs, calls=load.calls)
    findings.broken += _dead(crew)
    return findings


async def long_saga(
    crew: Fleet, *, parts: int, kills: int, seed: int, within_s: float, whole: Path
) -> Findings:
    """Kill whoever executes one run of many parts; its files must be those of the foreground."""
    dice = random.Random(seed)  # noqa: S311 - a seeded choice of moments
    brief = {"text": "끝없는 이야기", "parts": parts}
    run = await crew.submit("saga", brief)
    for _ in range(kills):
        member = await _with_work(crew)
        await asyncio.sleep(dice.uniform(0.0, 0.5))
        await crew.kill(member)
        await crew.start(member)
        await asyncio.sleep(crew.shape.lease_s)
    await crew.rest([run], within_s=within_s)
    findings = await asyncio.to_thread(audit, crew, [run], calls=calls_of(parts))
    paid = len(crew.server.calls)
    (row,) = crew.watch.rows("SELECT out FROM runs WHERE id = %s", run)
    # The same questions again, so the bill above is closed first.
    crew.server.set_script(Script())
    foreground = await alone(crew, whole / "home").run("saga", brief, out=whole / "out")
    findings.broken += [] if foreground.status == "succeeded" else ["the foreground run failed"]
    findings.broken += [f"unequal: {name}" for name in unequal(Path(row[0]), whole / "out")]
    findings.broken += [] if paid <= calls_of(parts) + crew.flown else ["paid too often"]
    return findings


async def rolling(
    crew: Fleet, load: Load, *, rounds: int, within_s: float
) -> tuple[Findings, float]:
    """Restart one worker after another with SIGTERM; return the longest wait for an end, too."""
    feeding = asyncio.create_task(fed(crew, load))
    longest, broken = 0.0, []
    for _ in range(rounds):
        for member in crew.members:
            await _busy(crew)
            began = time.monotonic()
            code = await crew.end(member)
            longest = max(longest, time.monotonic() - began)
            broken += [f"worker {member.number} ended with {code}"] if code else []
            await crew.start(member)
    runs = await feeding
    await crew.rest(runs, within_s=within_s)
    findings = await asyncio.to_thread(audit, crew, runs, calls=load.calls)
    findings.broken += broken
    return findings, longest


async def poison(
    crew: Fleet, *, neighbours: int, count: int, within_s: float
) -> tuple[Findings, int]:
    """Let a run kill whoever executes it until it is given up; return how many died."""
    load = Load(neighbours, count, neighbours)
    runs = await fed(crew, load)
    deadly = await crew.submit("poison", {"text": "독"})
    deaths, until = 0, time.monotonic() + within_s
    # Started again beside this loop: the next death must be seen while its runs are still its own.
    starting: dict[int, asyncio.Task[None]] = {}
    while time.monotonic() < until:
        if await asyncio.to_thread(crew.status, deadly) not in ("queued", "running"):
            break
        for member in crew.members:
            pending = starting.get(member.number)
            if not member.alive and (pending is None or pending.done()):
                deaths += 1
                await crew.struck(member, time.time())
                starting[member.number] = asyncio.create_task(crew.start(member))
        await asyncio.sleep(LOOK_S)
    await asyncio.gather(*starting.values())
    await crew.rest(runs, within_s=within_s)
    findings = await asyncio.to_thread(
        audit, crew, [*runs, deadly], calls=load.calls, wanted={deadly: "failed"}
    )
    ((code,),) = crew.watch.rows("SELECT code FROM runs WHERE id = %s", deadly)
    findings.broken += [] if code == "stuck" else [f"the deadly run ended as {code}"]
    return findings, deaths


def alone(crew: Fleet, home: Path) -> Runner:
    """Make a runner that asks the fleet's model server and shares nothing else with it."""
    settings = Settings(
        home=home,
        profile="local",
        local_base_url=crew.server.base_url,
        local_model="loopback",
    )
    return Runner(settings, products=PRODUCTS)


def unequal(got: Path, wanted: Path) -> list[str]:
    """Return the published files that are missing, new or unequal; `run.json` holds times."""

    def read(folder: Path) -> dict[str, bytes]:
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.json"]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    left, right = read(got), read(wanted)
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


async def _busy(crew: Fleet, *, within_s: float = 30.0) -> None:
    """Wait until something is executed."""
    until = time.monotonic() + within_s
    while not (await asyncio.to_thread(crew.watch.statuses))["running"]:
        if time.monotonic() > until:
            raise RuntimeError("the work ended before the faults did: take more, or slower, runs")
        await asyncio.sleep(LOOK_S)


async def _with_work(crew: Fleet, *, within_s: float = 60.0) -> Member:
    """Wait until a living worker holds a run and has a call in flight; return it."""
    async with asyncio.timeout(within_s):
        while True:
            for member in crew.members:
                held = await asyncio.to_thread(crew.watch.held, member.name)
                if held and member.alive and crew.in_flight():
                    return member
            await asyncio.sleep(LOOK_S)


def _dead(crew: Fleet) -> Sequence[str]:
    return [f"worker {one.number} has died" for one in crew.members if not one.alive]
