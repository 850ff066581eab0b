"""Stretches of a run's events, and how far runs have come."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, tuple_

from fabula.store.engine import Store
from fabula.store.events import PART_ENDED, Event
from fabula.store.tables import db_now, events

PROGRESSES = ("step.finished", PART_ENDED)
"""The events whose notes say how far the run has come."""
_FIELDS = tuple(Event.__dataclass_fields__)


async def now(store: Store) -> float:
    """Return the time on the database's clock."""
    return float((await store.read(select(db_now()))).scalar_one())


async def last_events(
    store: Store, run: str, *, limit: int, before: int | None = None
) -> list[Event]:
    """Return the last `limit` of a run's events, or of those before a number, in order."""
    query = select(events).where(events.c.run == run)
    if before is not None:
        query = query.where(events.c.seq < before)
    rows = (await store.read(query.order_by(events.c.seq.desc()).limit(limit))).all()
    return [Event(**{name: getattr(row, name) for name in _FIELDS}) for row in reversed(rows)]


async def last_of_type(store: Store, run: str, type_: str, *, up_to: int) -> int:
    """Return the number of the last event of a type up to a number; 0 where there is none."""
    query = select(func.coalesce(func.max(events.c.seq), 0)).where(
        events.c.run == run, events.c.type == type_, events.c.seq <= up_to
    )
    return int((await store.read(query)).scalar_one())


async def last_time(store: Store, run: str, type_: str) -> float | None:
    """Return when a run last had an event of a type; None where it has none."""
    query = select(func.max(events.c.at)).where(events.c.run == run, events.c.type == type_)
    at: float | None = (await store.read(query)).scalar_one()
    return at


async def last_progress(store: Store, of: Sequence[str]) -> dict[str, Event]:
    """Return for each of these runs the event whose note is its progress.

    It is the end of the last step, or of the last part.
    """
    if not of:
        return {}
    newest = (
        select(events.c.run, func.max(events.c.seq))
        .where(events.c.run.in_(of), events.c.type.in_(PROGRESSES))
        .group_by(events.c.run)
    )
    query = select(events).where(tuple_(events.c.run, events.c.seq).in_(newest))
    rows = await store.read(query)
    return {row.run: Event(**{name: getattr(row, name) for name in _FIELDS}) for row in rows}
