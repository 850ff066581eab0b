"""Say what a change to a finished run starts from and may cost, before anything is paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel

from fabula.briefs import read_brief
from fabula.errors import BadInput
from fabula.gateway.gateway import MAX_QUOTED
from fabula.gateway.models import Model, Models
from fabula.gateway.prices import TOKENS_PER_WIDE_CHARACTER
from fabula.nodes import Parent, RememberedDocuments, Spend, Start
from fabula.products import Product
from fabula.store.documents import StoredDocuments, list_artifacts
from fabula.store.engine import Fence, Store
from fabula.store.ledger import entries
from fabula.store.runs import RunRow
from fabula.store.tables import NANO

COMPLAINT_TOKENS = 2_000
"""More than a complaint, a reason and the words around them add to a question asked again."""


@dataclass(frozen=True)
class PlannedCalls:
    """Calls that may be paid for: `most_calls` with every re-ask and rewrite, in USD from above."""

    agent: str
    model: str
    items: tuple[str, ...]
    least_calls: int
    most_calls: int
    most_cost: float


@dataclass(frozen=True)
class ChangePlan:
    """What a change will do: the calls it may pay for, the parent's documents it starts from."""

    parent: str
    product: str
    change: str
    request: Mapping[str, Any]
    profile: str
    calls: tuple[PlannedCalls, ...]
    documents: tuple[str, ...]

    @property
    def least_calls(self) -> int:
        return sum(one.least_calls for one in self.calls)

    @property
    def most_calls(self) -> int:
        return sum(one.most_calls for one in self.calls)

    @property
    def most_cost(self) -> float:
        """What it costs at most, in USD."""
        return sum(one.most_cost for one in self.calls)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON, the sums with it."""
        sums = {name: getattr(self, name) for name in ("least_calls", "most_calls", "most_cost")}
        return {**asdict(self), **sums}


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
        raise BadInput(
            "run",
            f"`{row.id}` has not succeeded ({row.status}): only a finished run can be changed; "
            f"`fabula resume {row.id}` goes on with it",
            f"`{row.id}`는 끝까지 가지 못했습니다({row.status}). 끝난 실행만 바꿀 수 있습니다",
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
    ratios = await _ratios(store, row.id)
    plan = ChangePlan(
        parent=row.id,
        product=made.name,
        change=name,
        request=asked.model_dump(mode="json"),
        profile=models.profile,
        calls=tuple(
            _planned(one, models.pinned(one.agent), ratios, made.allowance) for one in start.spends
        ),
        documents=start.documents,
    )
    return Prepared(asked, await documents.get(made.brief, row.brief), start, plan)


def _planned(
    spend: Spend, model: Model, ratios: Mapping[str, float], allowance: int
) -> PlannedCalls:
    # Each question asked again carries the last answer and what was wrong with it.
    grown = max(MAX_QUOTED * TOKENS_PER_WIDE_CHARACTER, model.max_output_tokens) + COMPLAINT_TOKENS
    prompts = allowance * spend.prompt_tokens + grown * allowance * (allowance - 1) / 2
    prompts *= ratios.get(model.name, 1.0)
    item = model.price.cost(int(prompts) + 1, allowance * model.max_output_tokens)
    return PlannedCalls(
        agent=spend.agent,
        model=f"{model.provider}:{model.name}",
        items=spend.items,
        least_calls=spend.least,
        most_calls=spend.most * allowance,
        most_cost=spend.most * item / NANO,
    )


async def _ratios(store: Store, run: str) -> dict[str, float]:
    """Return by model how far recorded usage went above the estimates; 1 where it never did."""
    ratios: dict[str, float] = {}
    for one in await entries(store, run):
        if one.state == "answered" and one.estimated_tokens:
            used = one.input_tokens / one.estimated_tokens
            ratios[one.model] = max(ratios.get(one.model, 1.0), used)
    return ratios
