"""Cancel a run, go on with one, answer what one asks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from fabula.service.asked import MOST_USD, exactly
from fabula.service.auth import Who
from fabula.service.samples import DECISIONS, RESUMES
from fabula.service.state import Here, Service
from fabula.service.views import RunSummary, summary_fields
from fabula.store.runs import get_run

router = APIRouter(prefix="/v1", tags=["runs"])


class Resume(BaseModel):
    """How a run goes on; `budget` (USD) replaces the run's own."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    budget: float | None = Field(default=None, gt=0, le=MOST_USD)


class Decision(BaseModel):
    """A person's answer to what a waiting run asks.

    `ask` is the question's name or id, needed where there are several; `answer` is as the
    question's schema has it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: str | None = Field(default=None, max_length=255)
    answer: dict[str, Any]


@router.post("/runs/{run}/cancel", status_code=202)
async def cancel_run(run: str, service: Here, who: Who) -> RunSummary:
    """Stop a run: one that nobody executes at once, another within a second or two.

    What it made is kept, and it can be resumed. A run that has ended stays as it is.
    """
    row = await service.run_of(who, run)
    stopped = await service.queue.cancel(row.id)
    service.hub.nudge(row.id)
    return RunSummary(**summary_fields(stopped))


@router.post("/runs/{run}/resume", status_code=202)
async def resume_run(
    run: str,
    service: Here,
    who: Who,
    asked: Annotated[
        Resume | None, Body(openapi_examples=RESUMES), exactly(Resume, optional=True)
    ] = None,
) -> RunSummary:
    """Go on with a run from where it stands; nothing is paid a second time."""
    row = await service.run_of(who, run)
    await service.queue.resume(row.id, budget=asked.budget if asked else None)
    return await _standing(service, row.id)


@router.post("/runs/{run}/decide", status_code=202)
async def decide_run(
    run: str,
    service: Here,
    who: Who,
    asked: Annotated[Decision, Body(openapi_examples=DECISIONS), exactly(Decision)],
) -> RunSummary:
    """Answer what a waiting run asks; it goes on when its turn comes."""
    row = await service.run_of(who, run)
    await service.queue.decide(row.id, asked.answer, ask=asked.ask)
    return await _standing(service, row.id)


async def _standing(service: Service, run: str) -> RunSummary:
    service.hub.nudge(run)
    return RunSummary(**summary_fields(await get_run(service.store, run)))
