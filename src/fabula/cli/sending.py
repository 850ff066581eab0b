"""Send a run to a service and follow it: `run` and `resume` there, and `follow`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fabula.cli.edge import conduct, ready_folder
from fabula.cli.remote import There, follow, leave, on_service, to_its_end, watched
from fabula.cli.terminal import Terminal
from fabula.errors import BadInput

if TYPE_CHECKING:
    from fabula.settings import Settings

Detach = Annotated[
    bool, typer.Option("--detach", help="맡기고 바로 돌아오기, --server와 / do not wait for it")
]


def add_to(app: typer.Typer) -> None:
    """Put the command on the command line."""

    @app.command("follow", help="서비스의 실행을 이어서 보기 / watch a run of a service")
    def follow_(
        run_id: Annotated[str, typer.Argument(metavar="RUN", help="실행 번호 / the run's id")],
        *,
        server: Annotated[str, typer.Option(metavar="URL", help="서비스의 주소 / its address")],
        out: Annotated[
            Path | None, typer.Option(metavar="DIR", help="결과를 받을 폴더 / where to fetch to")
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="JSON 하나를 출력 / print one JSON value")
        ] = False,
    ) -> None:
        terminal = Terminal(as_json)
        work = partial(follow_run, terminal, server=server, run_id=run_id, out=out)
        raise typer.Exit(conduct(terminal, work))


async def send_run(
    terminal: Terminal,
    settings: Settings,  # noqa: ARG001 - every command has them
    *,
    server: str,
    product: str,
    brief: Path,
    flags: Sequence[str],
    mode: str | None,
    profile: str | None,
    budget: float | None,
    timeout_s: float | None,
    out: Path | None,
    detach: bool = False,
) -> int:
    """Upload what a brief's file names, ask for the run, and follow it to its end."""
    from fabula.cli.running import read_flags, with_mode

    switches = with_mode(read_flags(flags), mode)
    _check_out(out, detach=detach)
    folder = await _ready(out)
    await asyncio.to_thread(_check_files, folder, product)

    async def send(there: There) -> int:
        placed = await there.client.place(product, brief)
        asking = asyncio.ensure_future(
            there.client.submit(
                product,
                placed,
                flags=switches or None,
                profile=profile,
                budget=budget,
                timeout_s=timeout_s,
            )
        )
        try:
            there.run = (await asyncio.shield(asking)).run_id
        except asyncio.CancelledError:
            # It may have arrived: the answer says under which id it goes on.
            there.run = (await asking).run_id
            raise
        terminal.fact("맡긴 실행", "sent", there.run)
        return await (leave(there) if detach else to_its_end(there))

    async def work(there: There) -> int:
        return await watched(there, send(there))

    return await on_service(terminal, server, work, out=folder)


async def follow_run(
    terminal: Terminal,
    settings: Settings,  # noqa: ARG001 - as above
    *,
    server: str,
    run_id: str,
    out: Path | None,
) -> int:
    """Watch a run to its end, from its first event on, and fetch its files."""
    return await on_service(terminal, server, follow, run=run_id, out=await _ready(out))


async def resume_there(
    terminal: Terminal,
    settings: Settings,  # noqa: ARG001 - as above
    *,
    server: str,
    run_id: str,
    budget: float | None,
) -> int:
    """Go on with a run and watch it to its end."""

    async def work(there: There) -> int:
        seen = await _last_number(there)
        await there.client.resume(run_id, budget=budget)
        return await watched(there, to_its_end(there, after=seen))

    return await on_service(terminal, server, work, run=run_id)


async def _ready(out: Path | None) -> Path | None:
    return None if out is None else (await asyncio.to_thread(ready_folder, out)).resolve()


def _check_files(out: Path | None, product: str) -> None:
    """Refuse a folder before anything is paid for; the service may know other products."""
    from fabula.products import PRODUCTS
    from fabula.runs.folders import check_out

    if product in PRODUCTS:
        check_out(out, PRODUCTS[product])


async def _last_number(there: There) -> int:
    """Return the number of a run's last event, where it rests: what came before is not news."""
    run = await there.client.get(there.run_id)
    last = 0
    if run.rests and run.status != "waiting":
        async for event in there.client.events(there.run_id):
            last = event.seq or last
    return last


def _check_out(out: Path | None, *, detach: bool) -> None:
    if detach and out is not None:
        raise BadInput(
            "--out",
            "has nothing to hold with --detach: fetch the files later with `fabula follow --out`",
            "--detach와 함께 쓸 수 없습니다. 나중에 `fabula follow --out`으로 받으세요",
        )
