"""What the page of one run shows: read anew for each drawing, kept nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from fabula.errors import FabulaError
from fabula.runs.checks import check_resumable
from fabula.service.pages.asking import Field, fields_of
from fabula.service.pages.timeline import Entry, Patch, arrange, patches
from fabula.service.pages.words import ACTIVE
from fabula.service.state import Service
from fabula.store.costs import AgentSpent, spent_by_agent
from fabula.store.documents import list_artifacts, read_checked
from fabula.store.events import PART_ENDED, Event, list_events
from fabula.store.ledger import Totals, totals
from fabula.store.ports import Artifact
from fabula.store.runs import RunRow
from fabula.store.timeline import last_events, last_of_type, last_progress, last_time, now

WINDOW = 1000
"""How many events one page shows; earlier ones are a link away."""
READABLE = 64_000
"""A text file of more bytes is not shown in place."""
SHOWN_CHARACTERS = 6_000
SLACK_S = 2.0
"""A lease so long past is nobody's."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come, and when, on the database's clock, it may be done.

    `left_s` is the work that was left then; `steps` are done and total of the part at hand.
    """

    done: int
    total: int | None
    left_s: float | None
    until: float | None
    in_parts: bool = False
    steps: tuple[int, int] | None = None


@dataclass(frozen=True)
class Ask:
    """A question to a person, with the fields of its answer."""

    id: str
    name: str
    question: str
    material: Mapping[str, Any]
    complaint: str
    fields: Sequence[Field]


@dataclass(frozen=True)
class File:
    """A file of the run and how it is shown: `page`, `image`, `audio`, `video`, `text`, `other`."""

    artifact: Artifact
    kind: str
    first: bool = False
    text: str = ""
    cut: bool = False


@dataclass(frozen=True)
class RunShown:
    """A run as its page shows it. `asked_at` is when, on the database's clock."""

    row: RunRow
    asked_at: float
    progress: Progress | None
    spent: Totals
    agents: Sequence[AgentSpent]
    files: Sequence[File]
    asks: Sequence[Ask]

    @property
    def active(self) -> bool:
        return self.row.status in ACTIVE

    @property
    def orphaned(self) -> bool:
        """Its process is gone and no worker may take it over."""
        row = self.row
        gone = (row.lease_until or 0) < self.asked_at - SLACK_S
        return bool(row.status == "running" and gone and row.queue is None)

    @property
    def message(self) -> Mapping[str, str] | None:
        reason = self.row.reason or {}
        return reason if "en" in reason and "ko" in reason else None

    @property
    def resumable(self) -> bool:
        if self.row.queue is None or self.row.status in ACTIVE:
            return False
        try:
            check_resumable(self.row, {})
        except FabulaError:
            return False
        return True

    @property
    def may_change(self) -> bool:
        """Somebody may still do something to it: then the page goes on listening."""
        return self.active or self.resumable


@dataclass(frozen=True)
class Timeline:
    """The entries of a stretch of events, and what is to be drawn of them."""

    entries: Sequence[Entry]
    drawn: Sequence[Patch]
    first: int
    last: int
    earlier: bool = False


async def run_shown(service: Service, row: RunRow) -> RunShown:
    """Read how a run stands."""
    store = service.store
    at = await now(store)
    artifacts = await list_artifacts(store, row.id)
    return RunShown(
        row=row,
        asked_at=at,
        progress=progress_of(
            (await last_progress(store, [row.id])).get(row.id),
            since=await last_time(store, row.id, "run.models"),
        ),
        spent=await totals(store, row.id),
        agents=await spent_by_agent(store, row.id),
        files=await asyncio.to_thread(_files, store.home, artifacts),
        asks=_asks(row),
    )


async def whole_timeline(service: Service, row: RunRow, before: int | None = None) -> Timeline:
    """Read the last events of a run, or those before a number."""
    events = await last_events(service.store, row.id, limit=WINDOW, before=before)
    entries = arrange(events, row.status)
    first, last = (events[0].seq, events[-1].seq) if events else (1, 0)
    drawn = [Patch(entry) for entry in entries]
    return Timeline(entries, drawn, first, last, earlier=first > 1)


async def newer_timeline(service: Service, row: RunRow, *, first: int, after: int) -> Timeline:
    """Read what changed on a page that shows the events from `first` to `after`."""
    part = await last_of_type(service.store, row.id, PART_ENDED, up_to=after)
    events = await list_events(service.store, row.id, after=max(part, first - 1))
    entries = arrange(events, row.status)
    last = max(after, events[-1].seq if events else 0)
    return Timeline(entries, patches(entries, events, after), first, last)


def progress_of(event: Event | None, *, since: float | None = None) -> Progress | None:
    """Return what the end of a step or a part says of the progress.

    `since` is when the run was last taken up: what it waited before that is no work.
    """
    note = event.note if event else {}
    done, total, eta, steps = (note.get(name) for name in ("done", "total", "eta_s", "steps"))
    in_parts = note.get("unit") == "parts"
    known = (isinstance(total, int) and total > 0) or (in_parts and total is None)
    if event is None or not isinstance(done, int) or not known:
        return None
    left_s = float(eta) if isinstance(eta, int | float) else None
    return Progress(
        done,
        total,
        left_s,
        until=max(event.at, since or 0.0) + left_s if left_s is not None else None,
        in_parts=in_parts,
        steps=(steps["done"], steps["total"]) if steps else None,
    )


def _asks(row: RunRow) -> list[Ask]:
    asked = (row.reason or {}).get("asks", ()) if row.status == "waiting" else ()
    return [
        Ask(
            id=str(one["id"]),
            name=str(one.get("name", "")),
            question=str(one.get("question", "")),
            material=one.get("material") or {},
            complaint=str(one.get("complaint", "")),
            fields=fields_of(one.get("schema") or {}),
        )
        for one in asked
    ]


def _files(home: Path, artifacts: Sequence[Artifact]) -> list[File]:
    made = [_file(home, one) for one in artifacts]
    order = ("page", "video", "image", "audio", "text", "other")
    made.sort(key=lambda one: (order.index(one.kind), one.artifact.name))
    return [replace(made[0], first=True), *made[1:]] if made else []


def _file(home: Path, artifact: Artifact) -> File:
    kind = artifact.media_type.partition(";")[0]
    if kind in ("text/html", "application/pdf"):
        return File(artifact, "page")
    for known in ("image", "audio", "video"):
        if kind.startswith(f"{known}/"):
            return File(artifact, known)
    if kind.startswith("text/") or kind == "application/json":
        if artifact.size > READABLE:
            return File(artifact, "other")
        text = _text(home, artifact.hash)
        return File(
            artifact, "text", text=text[:SHOWN_CHARACTERS], cut=len(text) > SHOWN_CHARACTERS
        )
    return File(artifact, "other")


@lru_cache(maxsize=256)
def _text(home: Path, hash_: str) -> str:
    """Read a small text; what has a hash never changes."""
    try:
        return read_checked(home, hash_).decode("utf-8", "replace")
    except (FabulaError, OSError):
        return ""
