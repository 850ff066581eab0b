"""`/runs/{run}`: one run as it happens, its files, and what a person may do to it.

The page is drawn from the database each time. While it is open, a stream rings whenever something
happened, and the page's script asks for what changed since the last event that it shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response

from fabula.errors import BadInput, Conflict
from fabula.service import artifacts
from fabula.service.auth import Caller
from fabula.service.frames import CLOSING, HEARTBEAT, RETRY
from fabula.service.hub import Hub
from fabula.service.pages.asking import answer_of, filled
from fabula.service.pages.drawing import PageRoute, address_of, go_to, page
from fabula.service.pages.forms import amount, form_of
from fabula.service.pages.sessions import OWN_PAGE, Visitor
from fabula.service.pages.showing import newer_timeline, run_shown, whole_timeline
from fabula.service.problems import status_of
from fabula.service.state import Here, Service
from fabula.service.stream import HEARTBEAT_S, EventStream
from fabula.store.runs import RunRow

router = APIRouter(prefix="/runs/{run}", route_class=PageRoute)
LARGEST = 2**31 - 1
Run = Annotated[str, Path(max_length=64)]
Number = Annotated[int, Query(ge=0, le=LARGEST)]


@router.get("")
async def show(
    run: Run, service: Here, who: Visitor, before: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    row = await service.run_of(who, run)
    timeline = await whole_timeline(service, row, min(before, LARGEST) if before else None)
    shown = await run_shown(service, row)
    return page(
        "run",
        who=who,
        shown=shown,
        timeline=timeline,
        past=before is not None,
        wrong=None,
        typed={},
    )


@router.get("/live")
async def what_changed(
    run: Run, service: Here, who: Visitor, after: Number, first: Number
) -> Response:
    row = await service.run_of(who, run)
    # The row first: its end is written after the event that tells of it.
    timeline = await newer_timeline(service, row, first=first, after=after)
    return page("live", shown=await run_shown(service, row), timeline=timeline)


@router.get("/stream")
async def ring(run: Run, service: Here, who: Visitor) -> Response:
    row = await service.run_of(who, run)
    return EventStream(bells(service.hub, row.id))


async def bells(
    hub: Hub, run: str, *, heartbeat_s: float = HEARTBEAT_S
) -> AsyncGenerator[bytes, None]:
    """Yield a message whenever something happened to a run, and one at once; what, it leaves out.

    It does not end with the run, which may go on when somebody resumes it.
    """
    told: Any = None
    with hub.watch(run) as tail:
        yield RETRY
        while not hub.closed:
            changed = tail.changed
            seen = (tail.last, tail.standing)
            if tail.loaded and seen != told:
                told = seen
                yield f"data: {tail.last}\n\n".encode()
            elif not await _set(changed, heartbeat_s):
                yield HEARTBEAT
        yield CLOSING


@router.post("/cancel", dependencies=[OWN_PAGE])
async def cancel(run: Run, service: Here, who: Visitor) -> Response:
    row = await service.run_of(who, run)
    await service.queue.cancel(row.id)
    service.hub.nudge(row.id)
    return go_to(address_of(row.id))


@router.post("/resume", dependencies=[OWN_PAGE])
async def resume(run: Run, request: Request, service: Here, who: Visitor) -> Response:
    row = await service.run_of(who, run)
    budget = amount(await form_of(request), "budget")
    await service.queue.resume(row.id, budget=budget)
    service.hub.nudge(row.id)
    return go_to(address_of(row.id))


@router.post("/decide", dependencies=[OWN_PAGE])
async def decide(run: Run, request: Request, service: Here, who: Visitor) -> Response:
    row = await service.run_of(who, run)
    form = await form_of(request)
    asked = (row.reason or {}).get("asks", ()) if row.status == "waiting" else ()
    schema = next((one.get("schema") for one in asked if one["id"] == form.get("ask")), None)
    try:
        answer = answer_of(form, schema or {}) if asked else {}
        await service.queue.decide(row.id, answer, ask=form.get("ask"))
    except Conflict:
        raise
    except BadInput as error:
        return await _asked_again(service, who, row, form, error)
    service.hub.nudge(row.id)
    return go_to(address_of(row.id))


async def _asked_again(
    service: Service, who: Caller, row: RunRow, form: Mapping[str, str], wrong: BadInput
) -> Response:
    """Show the run's page with what is wrong with an answer, and the form as it was filled in."""
    shown = await run_shown(service, row)
    asks = [
        replace(ask, fields=filled(ask.fields, form)) if ask.id == form.get("ask") else ask
        for ask in shown.asks
    ]
    return page(
        "run",
        status_of(wrong),
        who=who,
        shown=replace(shown, asks=asks),
        timeline=await whole_timeline(service, row),
        past=False,
        wrong=wrong,
        typed=form,
    )


@router.get("/files.zip")
async def all_files(
    run: Run,
    service: Here,
    who: Visitor,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    return await artifacts.zip_files(run, service, who, if_none_match)


@router.get("/files/{name:path}")
async def one_file(
    run: Run,
    name: str,
    service: Here,
    who: Visitor,
    *,
    download: bool = False,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    return await artifacts.send_file(
        run, name, service, who, download=download, if_none_match=if_none_match
    )


async def _set(event: asyncio.Event, within_s: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            return await event.wait()
    return False
