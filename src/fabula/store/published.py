"""Which of a run's files were published, as the run has recorded it; the rest are only stored."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select

from fabula.store.engine import Store
from fabula.store.events import Event
from fabula.store.ports import Artifact
from fabula.store.runs import RunRow
from fabula.store.tables import events

PUBLISHED = "published"
"""The event that names the files which were just put in place."""


def published_event(files: Sequence[Artifact]) -> Event:
    """Return what records a publication of these files."""
    return Event(PUBLISHED, note={"files": [one.name for one in files]})


async def published_names(store: Store, run: RunRow, made: Sequence[Artifact]) -> Collection[str]:
    """Return the names of those of a run's files that it has published.

    All of them for a run that succeeded before publications were recorded.
    """
    if not made:
        return frozenset()
    query = select(events.c.note).where(events.c.run == run.id, events.c.type == PUBLISHED)
    notes = (await store.read(query)).scalars().all()
    names = {one.name for one in made}
    if not notes and run.status == "succeeded":
        return names
    return names & {name for note in notes for name in note["files"]}
