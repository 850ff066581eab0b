"""`GET /v1/runs/{run}`: how a run stands."""

from __future__ import annotations

from fastapi import APIRouter

from fabula.service.auth import Who
from fabula.service.state import Here
from fabula.service.views import RunSummary, summary_fields

router = APIRouter(prefix="/v1", tags=["runs"])


@router.get("/runs/{run}")
async def show_run(run: str, service: Here, who: Who) -> RunSummary:
    """Say how a run stands."""
    return RunSummary(**summary_fields(await service.run_of(who, run)))
