"""Look at runs of a service: one run, its money; and stop one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabula.cli.edge import DONE
from fabula.cli.remote import There, on_service, report, result_of, stored
from fabula.cli.terminal import Terminal
from fabula.cli.views import (
    NOT_BEGUN,
    check_cancellable,
    say_asked_to_stop,
    show_cost,
    show_result,
)

if TYPE_CHECKING:
    from fabula.settings import Settings


async def show_there(
    terminal: Terminal,
    settings: Settings,  # noqa: ARG001 - every command has them
    *,
    server: str,
    run_id: str,
) -> int:
    """Show how a run stands and its files; of one that has ended its events too."""

    async def work(there: There) -> int:
        run = await there.client.get(run_id)
        told = []
        if run.rests and run.status != "waiting":
            told = [one async for one in there.client.events(run_id) if one.seq is not None]
        follow = f"사건 / events: {there.command('follow')}"
        show_result(
            terminal,
            result_of(there, run),
            progress=run.progress.model_dump() if run.progress else NOT_BEGUN,
            events=[stored(one) for one in told],
            details={"profile": run.profile, "created_at": run.created_at.timestamp()},
            server=server,
            hint=None if told else follow,
        )
        return DONE

    return await on_service(terminal, server, work, run=run_id)


async def cancel_there(
    terminal: Terminal,
    settings: Settings,  # noqa: ARG001 - as above
    *,
    server: str,
    run_id: str,
) -> int:
    """Ask a run to stop."""

    async def work(there: There) -> int:
        check_cancellable(run_id, (await there.client.get(run_id)).status)
        await there.client.cancel(run_id)
        run = await there.client.get(run_id)
        if run.status == "cancelled":
            report(there, run)
        else:
            say_asked_to_stop(terminal, result_of(there, run))
        return DONE

    return await on_service(terminal, server, work, run=run_id)


async def cost_there(
    terminal: Terminal,
    settings: Settings,  # noqa: ARG001 - as above
    *,
    server: str,
    run_id: str,
) -> int:
    """Show what a run cost, by agent."""

    async def work(there: There) -> int:
        show_cost(terminal, (await there.client.cost(run_id)).model_dump(mode="json"))
        return DONE

    return await on_service(terminal, server, work, run=run_id)
