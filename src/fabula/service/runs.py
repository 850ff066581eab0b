"""`GET /v1/runs` and `GET /v1/runs/{run}`: which runs there are and how one stands."""

# No `from __future__ import annotations`: the routes' types are made of the products at hand.

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from fabula.products import Product
from fabula.service.asked import PROJECT, THREAD
from fabula.service.auth import Who
from fabula.service.cursors import PATTERN, cursor_of, read_cursor
from fabula.service.state import Here, Service
from fabula.service.typed import view_of_any
from fabula.service.views import RunSummary, run_view, summary_fields
from fabula.store.listing import Wanted, page_of_runs
from fabula.store.runs import RunStatus, get_run

LONGEST_WAIT_S = 60.0
RESTING: tuple[RunStatus, ...] = ("queued", "running")
"""What `wait` waits through; a run that waits for a person is told of at once."""


class RunPage(BaseModel):
    """Some runs, newest first; `next` is the cursor of the page that follows, None: the last."""

    runs: list[RunSummary]
    next: str | None


def routes(products: Mapping[str, Product]) -> APIRouter:
    """Make the routes for these products."""
    router = APIRouter(prefix="/v1", tags=["runs"])
    shown: dict[int | str, dict[str, Any]] = {200: {"model": view_of_any(products)}}

    @router.get("/runs")
    async def list_runs(
        *,
        service: Here,
        who: Who,
        project: Annotated[str | None, Query(pattern=PROJECT)] = None,
        product: Annotated[str | None, Query(pattern=PROJECT)] = None,
        status: Annotated[tuple[RunStatus, ...], Query(max_length=8)] = (),
        thread: Annotated[str | None, Query(pattern=THREAD)] = None,
        cursor: Annotated[str | None, Query(pattern=PATTERN)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> RunPage:
        """List runs, newest first. New runs do not move the pages that follow a cursor."""
        wanted = Wanted(who.owner, project, product, thread, status)
        before = read_cursor(cursor) if cursor is not None else None
        rows = await page_of_runs(service.store, wanted, before=before, limit=limit + 1)
        page = rows[:limit]
        more = cursor_of(page[-1].created_at, page[-1].id) if len(rows) > limit else None
        return RunPage(runs=[RunSummary(**summary_fields(row)) for row in page], next=more)

    @router.get("/runs/{run}", response_model=None, responses=shown)
    async def show_run(
        run: str,
        service: Here,
        who: Who,
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S)] = 0,
    ) -> JSONResponse:
        """Say how a run stands. With `wait` it answers when the run ends, or so many seconds later.

        A run that waits for a person is answered at once.
        """
        row = await service.run_of(who, run)
        if wait and row.status in RESTING:
            await _resting(service, row.id, wait)
            row = await get_run(service.store, row.id)
        view = await run_view(service.store, row, products.get(row.product))
        return JSONResponse(view.model_dump(mode="json"))

    return router


async def _resting(service: Service, run: str, wait: float) -> None:
    with suppress(TimeoutError), service.hub.watch(run) as tail:
        async with asyncio.timeout(wait):
            while not service.hub.closed:
                changed = tail.changed
                if tail.standing and tail.standing.status not in RESTING:
                    return
                await changed.wait()
