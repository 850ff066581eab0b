"""How a run looks from outside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel

from fabula.store.runs import RunRow, RunStatus
from fabula.store.tables import NANO


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
