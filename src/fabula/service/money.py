"""What a run has cost, and what one would cost."""

# No `from __future__ import annotations`: the routes' types are made of the products at hand.

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel

from fabula.gateway.models import Models
from fabula.products import Product
from fabula.runs.checks import choose_flags
from fabula.runs.estimate import Estimate, estimate_run
from fabula.runs.material import check_material
from fabula.runs.report import cost_report
from fabula.runs.uploads import located
from fabula.service.asked import (
    EstimateOptions,
    any_of,
    brief_of,
    examples_of,
    flags_of,
    product_of,
)
from fabula.service.auth import Who
from fabula.service.state import Here


class AgentCost(BaseModel):
    """What one agent was asked and cost, in USD."""

    agent: str
    calls: int
    cost: float
    input_tokens: int
    output_tokens: int
    models: list[str]
    in_doubt_calls: int
    in_doubt: float


class Expected(BaseModel):
    """What was expected, at most and true; `off` is the true over the expected, less 1."""

    expected: float
    most: float
    true: float
    off: float | None


class CostReport(BaseModel):
    """A run's money in USD.

    `in_doubt` is the upper bound of what calls without an answer may have cost. `estimate` sets
    what was expected at the start beside what came, with what resumes `granted` in its bounds: for
    each item, how many times its allowance was given again.
    """

    run_id: str
    budget: float | None
    cost: float
    in_doubt: float
    calls: int
    in_doubt_calls: int
    input_tokens: int
    output_tokens: int
    agents: list[AgentCost]
    estimate: dict[str, Expected] | None
    granted: dict[str, int]


def routes(products: Mapping[str, Product]) -> APIRouter:
    """Make the routes for these products."""
    router = APIRouter(prefix="/v1", tags=["money"])
    request = any_of(products, EstimateOptions, "EstimateRequest")

    @router.get("/runs/{run}/cost")
    async def show_cost(run: str, service: Here, who: Who) -> CostReport:
        """Say what a run has cost, by agent."""
        row = await service.run_of(who, run)
        return CostReport.model_validate(await cost_report(service.store, row.id))

    @router.post("/estimate", response_model=Estimate)
    async def estimate(
        asked: Annotated[EstimateOptions, Body(openapi_examples=examples_of(products)), request],
        service: Here,
        who: Who,
    ) -> Any:
        """Say what a run would use and cost, and at most; nothing is asked or paid."""
        made = products[product_of(asked)]
        profile = asked.profile or service.settings.profile
        models = await asyncio.to_thread(Models, service.settings, profile, keys=False)
        brief = brief_of(asked)
        await check_material(service.settings, service.store, who.owner, brief)
        flags, _ = choose_flags(made, flags_of(asked), service.settings, brief)
        placed = await located(service.store, who.owner, brief)
        return await estimate_run(made, placed, flags, models, service.store, owner=who.owner)

    return router
