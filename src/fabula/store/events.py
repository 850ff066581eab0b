"""A run's events: numbered, written in batches under the fence, each task's phase once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.store.engine import Fence, Store, hold
from fabula.store.tables import db_now, events
from fabula.store.texts import fitted

PART_ENDED = "run.part"


@dataclass(frozen=True)
class Event:
    """A progress record.

    `type` is `run.*`, `step.*`, `cost`, `artifact`, `placeholder` or a node's own fact; `task` and
    `phase` identify a LangGraph task's start or end; `note` is plain JSON, such as
    `{model, input_tokens, output_tokens, cost}` (cost in USD). `seq` is given when it is stored.
    """

    type: str
    step: str | None = None
    item: str | None = None
    status: str | None = None
    task: str | None = None
    phase: str | None = None
    note: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0
    at: float = 0.0


async def append_events(
    store: Store, fence: Fence, batch: Sequence[Event], *, after: int
) -> list[Event]:
    """Store a batch numbered from `after` + 1; LeaseLost when the run was taken over."""

    async def write(connection: AsyncConnection) -> list[Event]:
        await hold(connection, fence)
        return await insert_events(connection, fence.run, batch, after=after)

    return await store.write(write)


async def insert_events(
    connection: AsyncConnection, run: str, batch: Sequence[Event], *, after: int
) -> list[Event]:
    """Write a batch in the caller's transaction, numbered from `after` + 1."""
    now = (await connection.execute(_NOW)).scalar_one()
    numbered = [
        replace(one, seq=seq, at=now, **_texts(one))
        for seq, one in enumerate(batch, start=after + 1)
    ]
    # Not `asdict`: it copies every note to its depth, half the time of a batch.
    rows = [{"run": run, **vars(one)} for one in numbered]
    await connection.execute(_INSERT, rows)
    return numbered


def _texts(one: Event) -> dict[str, Any]:
    texts = {name: getattr(one, name) for name in _TEXTS}
    return {
        name: None if text is None else fitted(text, events.c[name]) for name, text in texts.items()
    }


_TEXTS = ("type", "step", "item", "status", "task", "phase")
# Built once: making a statement anew costs more than running it.
_NOW = select(db_now())
_INSERT = events.insert()


async def add_event(connection: AsyncConnection, run: str, event: Event) -> None:
    """Write an event behind the run's last one, in a transaction that holds the run's row."""
    last = select(func.coalesce(func.max(events.c.seq), 0)).where(events.c.run == run)
    await insert_events(
        connection, run, [event], after=(await connection.execute(last)).scalar_one()
    )


async def last_seq(store: Store, run: str) -> int:
    """Return the number of the run's last event; 0 where there is none."""
    query = select(func.coalesce(func.max(events.c.seq), 0)).where(events.c.run == run)
    return int((await store.read(query)).scalar_one())


async def list_events(store: Store, run: str, *, after: int = 0) -> list[Event]:
    """Return the run's events after a number, in order."""
    query = select(events).where(events.c.run == run, events.c.seq > after).order_by(events.c.seq)
    rows = (await store.read(query)).all()
    names = Event.__dataclass_fields__
    return [Event(**{name: getattr(row, name) for name in names}) for row in rows]


async def part_began(store: Store, run: str, part: int) -> int:
    """Return the number of the event that ended the part before this one; 0 for the first."""
    query = (
        select(events.c.seq, events.c.note)
        .where(events.c.run == run, events.c.type == PART_ENDED)
        .order_by(events.c.seq.desc())
    )
    if part > 1:
        # The end of this very part may stand already, where a crash came between it and the row.
        for row in await store.read(query.limit(10)):
            if int(row.note["part"]) < part:
                return int(row.seq)
    return 0


async def last_note(store: Store, run: str, type_: str) -> Mapping[str, Any] | None:
    """Return the note of the run's last event of a type; None where there is none."""
    query = (
        select(events.c.note)
        .where(events.c.run == run, events.c.type == type_)
        .order_by(events.c.seq.desc())
        .limit(1)
    )
    note: Mapping[str, Any] | None = (await store.read(query)).scalar_one_or_none()
    return note
