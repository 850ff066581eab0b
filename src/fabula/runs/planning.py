"""Say what a change to a finished run starts from and may cost, before anything is paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel

from fabula.briefs import read_brief
from fabula.errors import Conflict
from fabula.gateway.models import Models
from fabula.korean.particles import attach
from fabula.nodes import Parent, RememberedDocuments, Start
from fabula.products import Product
from fabula.runs.estimate import Estimate, estimate
from fabula.store.documents import StoredDocuments, list_artifacts
from fabula.store.engine import Fence, Store
from fabula.store.runs import RunRow
from fabula.store.usage import recorded_usage


@dataclass(frozen=True)
class ChangePlan:
    """What a change will do, in English and Korean, and may cost; `documents` are taken over."""

    parent: str
    product: str
    change: str
    request: Mapping[str, Any]
    profile: str
    does: tuple[str, str]
    estimate: Estimate
    documents: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON: what `--json` prints."""
        return {**asdict(self), "does": dict(zip(("en", "ko"), self.does, strict=True))}


@dataclass(frozen=True)
class Prepared:
    """A change worked out against its parent, ready to be started."""

    request: BaseModel
    brief: Any
    start: Start
    plan: ChangePlan

    def row(self) -> dict[str, Any]:
        """Return what the run's row says of the change."""
        return {
            "name": self.plan.change,
            "request": dict(self.plan.request),
            "state": dict(self.start.state),
            "copied": list(self.start.documents),
        }


async def prepare(
    store: Store,
    made: Product,
    row: RunRow,
    name: str,
    request: BaseModel | Mapping[str, Any],
    *,
    flags: BaseModel,
    models: Models,
) -> Prepared:
    """Work out a change of the run in `row`; BadInput where it cannot be made."""
    change = made.change(name)
    if row.status != "succeeded":
        raise Conflict(
            "run",
            f"`{row.id}` has not succeeded ({row.status}): only a finished run can be changed; "
            f"`fabula resume {row.id}` goes on with it",
            f"{attach(f'`{row.id}`', '는')} 끝까지 가지 못했습니다({row.status}). "
            "끝난 실행만 바꿀 수 있습니다",
        )
    asked = request if isinstance(request, change.request) else read_brief(request, change.request)
    documents = RememberedDocuments(StoredDocuments(store, Fence(row.id, row.epoch)))
    parent = Parent(
        brief=row.brief,
        result=await documents.get(made.result, row.result),
        documents=documents,
        artifacts=await list_artifacts(store, row.id),
        flags=flags,
    )
    start = await change.begin(parent, asked)
    plan = ChangePlan(
        parent=row.id,
        product=made.name,
        change=name,
        request=asked.model_dump(mode="json"),
        profile=models.profile,
        does=start.does,
        estimate=estimate(
            made,
            start.calls,
            models=models,
            recorded=await recorded_usage(store, made.name, row.owner),
            fallbacks=tuple(getattr(flags, "fallback_models", ())),
        ),
        documents=start.documents,
    )
    return Prepared(asked, await documents.get(made.brief, row.brief), start, plan)
