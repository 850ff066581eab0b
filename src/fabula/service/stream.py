"""`GET /v1/runs/{run}/events`: a run's events as they happen, from any number on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from starlette.types import Send

from fabula.service.auth import Who
from fabula.service.frames import CLOSING, HEARTBEAT, RETRY, end_frame, frame_of, gap_frame
from fabula.service.hub import Hub, Tail
from fabula.service.state import Here
from fabula.store.engine import Store
from fabula.store.events import Event
from fabula.store.watching import page_of_events

router = APIRouter(prefix="/v1", tags=["runs"])
HEARTBEAT_S = 15.0
PAGE = 500
LARGEST = 2**31 - 1
LONGEST_NUMBER = 18
FRAME = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
DESCRIPTION = """Server-sent events: each with its number as `id`, its type as `event` and JSON as
`data`. `gap` says which numbers are not there any more, `end` (without a number) how the run
ended, as the last event. A comment comes every 15 s. Closing the stream never stops the run; attach
again with `Last-Event-ID`, or `after`, and nothing is missed and nothing comes twice."""


class EventStream(StreamingResponse):
    """A stream whose source is closed at once when the client is gone."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        super().__init__(frames, headers=HEADERS)
        self._source = frames

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._source):
            await super().stream_response(send)


@router.get(
    "/runs/{run}/events",
    description=DESCRIPTION,
    status_code=200,
    response_class=EventStream,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "itemSchema": FRAME}}}
    },
)
async def follow_run(
    run: str,
    service: Here,
    who: Who,
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Any:
    row = await service.run_of(who, run)
    # A browser that attaches again repeats the address, with `after`, beside the newer header.
    known = _number(last_event_id)
    start = known if known is not None else after
    return EventStream(frames(service.hub, service.store, row.id, start))


async def frames(
    hub: Hub, store: Store, run: str, after: int, *, heartbeat_s: float = HEARTBEAT_S
) -> AsyncGenerator[bytes, None]:
    """Yield a run's events after a number, up to its end."""
    with hub.watch(run, after=after) as tail:
        yield RETRY
        while not (tail.loaded or hub.closed):
            if not await _set(tail.changed, heartbeat_s):
                yield HEARTBEAT
        cursor = after
        if tail.loaded and cursor > tail.last:
            yield gap_frame(tail.last + 1, cursor)
            cursor = tail.last
        while not hub.closed:
            changed = tail.changed
            numbered = await _next(store, tail, cursor)
            if numbered:
                yield b"".join(_with_gaps(numbered, cursor))
                cursor = numbered[-1][0]
            elif tail.over and tail.standing and cursor == tail.last:
                yield end_frame(run, tail.standing.status, tail.standing.code, cursor)
                return
            elif not await _set(changed, heartbeat_s):
                yield HEARTBEAT
        yield CLOSING


async def _next(store: Store, tail: Tail, cursor: int) -> list[tuple[int, bytes]]:
    """Return the next numbered frames; a number that is not there any more has an empty one."""
    if cursor >= tail.base:
        return tail.frames(cursor)
    base = tail.base
    page = await _unbroken(page_of_events(store, tail.run, after=cursor, limit=PAGE))
    return [(one.seq, frame_of(one)) for one in page] or [(base, b"")]


async def _unbroken(asking: Coroutine[Any, Any, list[Event]]) -> list[Event]:
    """Let a question to the database end though the client leaves: it would cost a connection."""
    task = asyncio.ensure_future(asking)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _with_gaps(numbered: list[tuple[int, bytes]], cursor: int) -> list[bytes]:
    found = []
    for seq, frame in numbered:
        missing = seq if not frame else seq - 1
        if missing > cursor:
            found.append(gap_frame(cursor + 1, missing))
        found.append(frame)
        cursor = seq
    return found


async def _set(event: asyncio.Event, within_s: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            return await event.wait()
    return False


def _number(text: str | None) -> int | None:
    """Read `Last-Event-ID`; None where it is no number."""
    plain = (text or "").strip()
    if not (plain.isascii() and plain.isdigit()) or len(plain) > LONGEST_NUMBER:
        return None
    return min(int(plain), LARGEST)
