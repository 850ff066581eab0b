"""How watched runs stand and what is new of them: for many runs in one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import and_, func, or_, select

from fabula.store.engine import Store
from fabula.store.events import Event
from fabula.store.runs import RunStatus
from fabula.store.tables import events, runs

AT_ONCE = 500
"""How many runs one statement names."""
NEWS_AT_ONCE = 50
_FIELDS = tuple(Event.__dataclass_fields__)


@dataclass(frozen=True)
class Standing:
    """A run's status and code, and the number of its last event (0: none), seen together."""

    status: RunStatus
    code: str | None
    last: int


async def standings(store: Store, watched: Sequence[str]) -> dict[str, Standing]:
    """Return how each of these runs stands; a run that is not there is left out."""
    last = (
        select(func.coalesce(func.max(events.c.seq), 0))
        .where(events.c.run == runs.c.id)
        .correlate(runs)
        .scalar_subquery()
    )
    found: dict[str, Standing] = {}
    for start in range(0, len(watched), AT_ONCE):
        some = watched[start : start + AT_ONCE]
        query = select(runs.c.id, runs.c.status, runs.c.code, last.label("last"))
        for row in await store.read(query.where(runs.c.id.in_(some))):
            found[row.id] = Standing(row.status, row.code, row.last)
    return found


async def news(store: Store, after: Mapping[str, int]) -> list[tuple[str, Event]]:
    """Return the events of each run after its number, in the order of their numbers."""
    found: list[tuple[str, Event]] = []
    cursors = iter(after.items())
    while some := list(islice(cursors, NEWS_AT_ONCE)):
        wanted = [and_(events.c.run == run, events.c.seq > seq) for run, seq in some]
        query = select(events).where(or_(*wanted)).order_by(events.c.run, events.c.seq)
        for row in await store.read(query):
            found.append((row.run, Event(**{name: getattr(row, name) for name in _FIELDS})))
    return found


async def page_of_events(store: Store, run: str, *, after: int, limit: int) -> list[Event]:
    """Return at most `limit` of a run's events after a number, in order."""
    query = (
        select(events)
        .where(events.c.run == run, events.c.seq > after)
        .order_by(events.c.seq)
        .limit(limit)
    )
    rows = await store.read(query)
    return [Event(**{name: getattr(row, name) for name in _FIELDS}) for row in rows]
