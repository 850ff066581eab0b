"""`POST /v1/runs`: ask for a run."""

# No `from __future__ import annotations`: the routes' types are made of the products at hand.

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header
from fastapi.responses import JSONResponse

from fabula.products import Product
from fabula.service.asked import (
    PRINTABLE,
    RunOptions,
    any_of,
    brief_of,
    examples_of,
    flags_of,
    product_of,
)
from fabula.service.auth import Who
from fabula.service.state import Here
from fabula.service.typed import view_of_any
from fabula.service.views import run_view
from fabula.store.runs import get_run


def routes(products: Mapping[str, Product]) -> APIRouter:
    """Make the routes for these products."""
    router = APIRouter(prefix="/v1", tags=["runs"])
    request = any_of(products, RunOptions, "RunRequest")

    shown: dict[int | str, dict[str, Any]] = {
        202: {
            "model": view_of_any(products),
            "description": "The run waits for its turn: look at `links.self`, or follow its events",
            "headers": {"Location": {"schema": {"type": "string"}, "description": "The run"}},
        }
    }

    @router.post("/runs", status_code=202, response_model=None, responses=shown)
    async def start_run(
        asked: Annotated[RunOptions, Body(openapi_examples=examples_of(products)), request],
        service: Here,
        who: Who,
        idempotency_key: Annotated[str | None, Header(pattern=PRINTABLE)] = None,
    ) -> JSONResponse:
        """Ask for a run; it is executed when its turn comes.

        The same `Idempotency-Key` with the same body gives the run that it made before.
        """
        plain: dict[str, Any] = asked.model_dump(mode="json", exclude_unset=True)
        run, _ = await service.queue.submit(
            product_of(asked),
            brief_of(asked),
            flags=flags_of(asked),
            profile=asked.profile,
            budget=asked.budget,
            timeout_s=asked.timeout_s,
            owner=who.owner,
            project=asked.project,
            thread=asked.thread,
            queue=asked.queue,
            after_s=asked.after_seconds or None,
            idempotency_key=idempotency_key,
            request=plain,
            webhook=asked.webhook,
            outside=True,
        )
        row = await get_run(service.store, run)
        view = await run_view(service.store, row, products.get(row.product))
        location = {"Location": f"/v1/runs/{run}"}
        return JSONResponse(view.model_dump(mode="json"), 202, location)

    return router
