"""Everything that a run left behind, read whole: what an export holds and a replay starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from fabula.documents import Strict
from fabula.store.documents import list_artifacts, read_checked
from fabula.store.engine import Store
from fabula.store.events import Event, list_events
from fabula.store.ports import Artifact
from fabula.store.runs import get_run
from fabula.store.tables import documents, ledger

PAGE_URL = "run.page"
"""The event that keeps where a run's page will stand on the web."""


class RunRecord(Strict):
    """A run's row without what belongs to one process or one machine."""

    id: str
    project: str
    product: str
    door: str
    parent: str | None
    change: dict[str, Any] | None
    status: str
    code: str | None
    reason: dict[str, Any] | None
    brief: str
    flags: dict[str, Any]
    replaced: tuple[str, ...]
    profile: str
    budget: int | None
    timeout_s: float | None
    grants: dict[str, int]
    part: int
    result: str | None
    outcome: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None


class CallRecord(Strict):
    """A row of the ledger, the answer's text with it; money in nano-USD."""

    id: str
    key: str
    epoch: int
    state: str
    agent: str
    item: str
    attempt: int
    ask: int
    provider: str
    model: str
    model_version: str | None
    estimated_tokens: int
    reserved: int
    cost: int | None
    input_tokens: int | None
    output_tokens: int | None
    finish_reason: str | None
    text: str | None
    claimed_at: float
    answered_at: float | None


class EventRecord(Strict):
    """A stored event."""

    seq: int
    at: float
    type: str
    step: str | None
    item: str | None
    status: str | None
    task: str | None
    phase: str | None
    note: dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """A run, its documents' bodies by id in the order of their making, its calls and files.

    `data` are the files' bytes by their hash.
    """

    run: RunRecord
    documents: Mapping[str, Mapping[str, Any]]
    events: tuple[EventRecord, ...]
    calls: tuple[CallRecord, ...]
    artifacts: tuple[Artifact, ...]
    data: Mapping[str, bytes]

    def models(self) -> dict[str, str]:
        """Return by agent the model that was pinned last, as `provider:name`."""
        pinned = {call.agent: f"{call.provider}:{call.model}" for call in self.calls}
        for event in self.events:
            if event.type == "run.models":
                pinned.update({agent: str(name) for agent, name in event.note.items()})
        return pinned

    def answers(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return what people answered, with the question's name, in order."""
        decided = [event.note for event in self.events if event.type == "run.decided"]
        return [(str(note.get("ask")), note.get("answer", {})) for note in decided]


def page_url_of(events: Iterable[EventRecord | Event]) -> str | None:
    """Return where a run's page will stand on the web; None where nobody had said."""
    return next((str(one.note["url"]) for one in events if one.type == PAGE_URL), None)


async def read_recording(store: Store, run_id: str) -> Recording:
    """Read a run whole; BadInput where there is none."""
    row = await get_run(store, run_id)
    made = await store.read(
        select(documents.c.id, documents.c.body)
        .where(documents.c.run == run_id)
        .order_by(documents.c.created_at, documents.c.id)
    )
    calls = await store.read(
        select(ledger).where(ledger.c.run == run_id).order_by(ledger.c.claimed_at, ledger.c.id)
    )
    artifacts = tuple(await list_artifacts(store, run_id))
    events = [
        EventRecord(**{name: getattr(one, name) for name in EventRecord.model_fields})
        for one in await list_events(store, run_id)
    ]
    return Recording(
        run=RunRecord(**{name: getattr(row, name) for name in RunRecord.model_fields}),
        documents={one.id: one.body for one in made},
        events=tuple(events),
        calls=tuple(
            CallRecord(**{name: getattr(one, name) for name in CallRecord.model_fields})
            for one in calls
        ),
        artifacts=artifacts,
        data={one.hash: read_checked(store.home, one.hash) for one in artifacts},
    )
