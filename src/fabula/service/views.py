"""How a run looks from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, SerializeAsAny

from fabula.documents import portable
from fabula.products import Product
from fabula.runs.ends import End
from fabula.runs.result import result_of
from fabula.store.engine import Store
from fabula.store.ports import Artifact
from fabula.store.runs import RunRow, RunStatus
from fabula.store.tables import NANO
from fabula.store.timeline import last_progress


class Message(BaseModel):
    """A text in English and Korean."""

    en: str
    ko: str


class RunSummary(BaseModel):
    """A run in a list. `code` and `message` say why one that did not succeed stands as it does.

    `budget` is in USD. A run that waits for its delayed start, or for its provider, is `queued`
    with a `not_before`.
    """

    run_id: str
    product: str
    project: str
    thread: str | None
    status: RunStatus
    code: str | None
    message: Message | None
    outcome: str | None
    """The product's own word for a success: `complete`, `degraded`."""
    queue: Literal["interactive", "batch"] | None
    door: str
    profile: str
    budget: float | None
    timeout_s: float | None
    part: int
    parent: str | None
    change: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    not_before: datetime | None


def summary_fields(row: RunRow) -> dict[str, Any]:
    """Return a run's summary by field."""
    reason = row.reason or {}
    told = "en" in reason and "ko" in reason
    return {
        "run_id": row.id,
        "product": row.product,
        "project": row.project,
        "thread": row.thread,
        "status": row.status,
        "code": row.code,
        "message": Message(en=str(reason["en"]), ko=str(reason["ko"])) if told else None,
        "outcome": row.outcome,
        "queue": row.queue,
        "door": row.door,
        "profile": row.profile,
        "budget": row.budget / NANO if row.budget is not None else None,
        "timeout_s": row.timeout_s,
        "part": row.part,
        "parent": row.parent,
        "change": row.change["name"] if row.change else None,
        "created_at": moment(row.created_at),
        "started_at": moment(row.started_at),
        "finished_at": moment(row.finished_at),
        "not_before": moment(row.not_before),
    }


def moment(at: float | None) -> datetime | None:
    """Return a time of the database's clock."""
    return None if at is None else datetime.fromtimestamp(at, UTC)


class ArtifactView(BaseModel):
    """A file of a run; `hash` is the SHA-256 of its bytes, `size` is in bytes.

    `published`: it is part of the result. The others were only stored on the way, such as pictures
    of posts that are not shown.
    """

    name: str
    hash: str
    media_type: str
    size: int
    published: bool
    url: str


class Steps(BaseModel):
    """How far the part at hand has come."""

    done: int
    total: int


class Progress(BaseModel):
    """How far a run has come, in parts where it works in parts, else in steps.

    `total` is None where only the run's end will tell. `eta_s` is how many seconds of work were
    left when the last step or part ended, without what the run waits for its turns; None while
    there is no pace. `steps` are those of the part at hand, None between two parts.
    """

    unit: Literal["steps", "parts"] = "steps"
    done: int
    total: int | None
    eta_s: float | None
    steps: Steps | None = None


class Links(BaseModel):
    """Where the rest of a run is; `archive` is all its artifacts as one zip."""

    self: str
    events: str
    cost: str
    artifacts: str
    archive: str


class RunView(RunSummary):
    """How a run stands. Costs are in USD.

    `in_doubt` is the upper bound of what calls without an answer may have cost. `asks` is what a
    waiting run asks a person, each with its name, words, material and the answer's JSON schema.
    `kept` are the documents that a changed run has from its parent.
    """

    flags: dict[str, Any]
    cost: float = 0.0
    in_doubt: float = 0.0
    calls: int = 0
    progress: Progress | None = None
    asks: list[dict[str, Any]] = []
    kept: list[str] = []
    artifacts: list[ArtifactView] = []
    links: Links
    result: SerializeAsAny[BaseModel] | None = None
    """The product's result document, once there is one."""


def artifact_view(run: str, artifact: Artifact, published: Collection[str]) -> ArtifactView:
    """Return a file of a run with its address."""
    url = f"/v1/runs/{run}/artifacts/{quote(artifact.name)}"
    return ArtifactView(**vars(artifact), published=artifact.name in published, url=url)


async def run_view(store: Store, row: RunRow, made: Product | None) -> RunView:
    """Read what a run has made and cost; no result without its product."""
    view = RunView(**summary_fields(row), flags=row.flags, links=links_of(row.id))
    if row.epoch == 0 and row.parent is None:
        # Nobody has taken it yet: there is nothing to read.
        return view
    end = End(row.status, row.code, row.reason or {}, row.result, row.outcome)
    found = await result_of(store, row.id, made, end)
    last = (await last_progress(store, [row.id])).get(row.id)
    return view.model_copy(
        update={
            "cost": found.cost,
            "in_doubt": found.in_doubt,
            "calls": found.calls,
            "progress": _progress(last.note) if last else None,
            "asks": [dict(ask) for ask in found.asks] if row.status == "waiting" else [],
            "kept": list(found.kept),
            "artifacts": [artifact_view(row.id, one, found.published) for one in found.artifacts],
            "result": portable(found.document) if found.document else None,
        }
    )


def _progress(note: Mapping[str, Any]) -> Progress | None:
    return Progress.model_validate(note) if "done" in note else None


def links_of(run: str) -> Links:
    """Return where the rest of a run is."""
    own = f"/v1/runs/{run}"
    return Links(
        self=own,
        events=f"{own}/events",
        cost=f"{own}/cost",
        artifacts=f"{own}/artifacts",
        archive=f"{own}/artifacts.zip",
    )
