"""A run on a service, `--server URL`: watched to its end, fetched, or left going."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabula.cli.driving import STATUS, exit_code, report_success
from fabula.cli.edge import DONE, INTERRUPTED, interruptible
from fabula.cli.terminal import Terminal, usd
from fabula.cli.watching import Watcher
from fabula.errors import BadInput

if TYPE_CHECKING:
    from fabula.client import AsyncClient, Run, RunEvent
    from fabula.runs import RunResult
    from fabula.settings import Settings
    from fabula.store.events import Event

Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="이 주소의 서비스에서 / on the service there"),
]
Work = Callable[["Settings"], Awaitable[int]]


@dataclass
class There:
    """A run on a service as one command knows it; `out` is where its files are fetched to."""

    terminal: Terminal
    client: AsyncClient
    server: str
    run: str | None = None
    out: Path | None = None

    @property
    def run_id(self) -> str:
        """The run's id, once it was named or sent."""
        assert self.run is not None  # noqa: S101 - nobody asks before
        return self.run

    def command(self, name: str, *more: str) -> str:
        """Write the command to type next."""
        return " ".join(("fabula", name, self.run_id, *more, "--server", self.server))


def at(
    server: str | None,
    here: partial[Any],
    there: Callable[..., Awaitable[int]],
    *,
    detach: bool = False,
) -> Work:
    """Choose what does a command's work: this process, or with the same arguments a service."""
    if server is not None:
        return partial(there, *here.args, server=server, **here.keywords)
    return _refuse_detaching if detach else here


async def on_service(
    terminal: Terminal,
    server: str,
    work: Callable[[There], Awaitable[int]],
    *,
    run: str | None = None,
    out: Path | None = None,
) -> int:
    """Do a command's work with a client of the service."""
    from fabula.client import AsyncClient

    async with AsyncClient(server) as client:
        return await work(There(terminal, client, server, run, out))


async def watched(there: There, work: Coroutine[Any, Any, int]) -> int:
    """Do what watches a run; after Ctrl-C the run goes on, and this says how to find it again."""
    interrupts: list[bool] = []
    try:
        return await interruptible(work, lambda: interrupts.append(True))
    except asyncio.CancelledError:
        if not interrupts:
            raise
        if there.run is None:
            there.terminal.note("맡기기 전에 멈췄습니다", "stopped before anything was sent")
        else:
            await leave(there)
        return INTERRUPTED


async def leave(there: There) -> int:
    """Say that a run goes on without this command, and what to type."""
    there.terminal.note("실행은 서비스에서 계속됩니다", "the run goes on at the service")
    there.terminal.fact("이어서 보기", "watch it", there.command("follow"))
    there.terminal.fact("멈추기", "stop it", there.command("cancel"))
    if there.terminal.as_json:
        run = await there.client.get(there.run_id)
        there.terminal.answer(result_of(there, run).as_json())
    return DONE


async def follow(there: There) -> int:
    """Watch the run from its first event on, as `to_its_end` does."""
    return await watched(there, to_its_end(there))


async def to_its_end(there: There, *, after: int = 0) -> int:
    """Watch the run until it has ended or asks a person; fetch its files and report."""
    with Watcher(there.terminal, there.run_id) as watcher:
        async with aclosing(_told(there, after)) as events:
            async for event in events:
                if event.type == "gap":
                    lost = f"{event.note['from']}–{event.note['to']}"
                    there.terminal.fact("지워진 사건", "events not kept", lost)
                elif event.seq is not None:
                    watcher.see(stored(event))
    run = await there.client.get(there.run_id)
    if run.succeeded and there.out is not None:
        await there.client.save_all(run.run_id, there.out)
    return report(there, run)


async def _told(there: There, after: int) -> AsyncGenerator[RunEvent, None]:
    """Yield a run's events up to its end, or up to where it waits for a person."""
    events = there.client.events(there.run_id, after=after)
    coming: asyncio.Future[RunEvent | None] | None = None
    resting: asyncio.Future[Run] | None = None
    try:
        while True:
            coming = asyncio.ensure_future(anext(events, None))
            both = [one for one in (coming, resting) if one is not None]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if resting is not None and not coming.done():
                if (await resting).status == "waiting":
                    return
                resting = None
            event = await coming
            if event is None:
                return
            yield event
            # The event comes before the run waits, and an earlier question may be answered by now:
            # how the run stands is asked beside the events.
            if event.type == "run.waiting" and resting is None:
                resting = asyncio.ensure_future(there.client.wait(there.run_id))
    finally:
        left = [one for one in (coming, resting) if one is not None]
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await events.aclose()


def report(there: There, run: Run) -> int:
    """Say how a run stands; under `--json` as its one object. Return the exit code."""
    terminal, result = there.terminal, result_of(there, run)
    if terminal.as_json:
        terminal.answer(result.as_json())
    if result.succeeded:
        report_success(terminal, result)
        return exit_code(result)
    ko, en = STATUS[result.status]
    terminal.fact(ko, en, result.run_id, style="yellow")
    if result.message:
        terminal.note(result.message.get("ko", ""), result.message.get("en", ""))
    terminal.fact("비용", "cost", f"{usd(result.cost)}, {result.calls} calls")
    terminal.fact("다음", "next", _next(there, run))
    return exit_code(result)


def result_of(there: There, run: Run) -> RunResult:
    """Return a run of a service as the command line reports its own.

    `out` is the folder that its files were fetched to, or their address.
    """
    from fabula.runs import RunResult
    from fabula.store.ports import Artifact

    fetched = there.out is not None and run.succeeded
    return RunResult(
        run_id=run.run_id,
        product=run.product,
        status=run.status,
        outcome=run.outcome,
        code=run.code,
        message=run.message.model_dump() if run.message else {},
        cost=run.cost,
        in_doubt=run.in_doubt,
        calls=run.calls,
        artifacts=tuple(
            Artifact(one.name, one.hash, one.media_type, one.size) for one in run.artifacts
        ),
        out=str(there.out) if fetched else f"{there.client.url}{run.links.artifacts}",
        parent=run.parent,
        change=run.change,
        kept=run.kept,
        asks=run.asks,
        published=frozenset(one.name for one in run.artifacts if one.published),
    )


def stored(event: RunEvent) -> Event:
    """Return an event as the service has stored it."""
    from fabula.store.events import Event

    return Event(
        event.type,
        step=event.step,
        item=event.item,
        status=event.status,
        note=event.note,
        seq=event.seq or 0,
        at=event.at,
    )


async def _refuse_detaching(settings: Settings) -> int:  # noqa: ARG001 - every command has them
    raise BadInput(
        "--detach",
        "needs --server: a run of this command ends with it",
        "--server와 함께 쓰세요. 이 명령의 실행은 명령과 함께 끝납니다",
    )


def _next(there: There, run: Run) -> str:
    if run.status == "waiting":
        return there.command("decide", "--answer …")
    if run.code in ("gate_failed", BadInput.code):
        return f"fabula run {run.product} --brief … --server {there.server}"
    if run.status == "over_budget" and run.budget:
        # The message above it names the least that lets the refused call pass.
        return there.command("resume", "--budget …")
    return there.command("resume")
