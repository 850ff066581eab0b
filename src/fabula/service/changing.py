"""Change a finished run: a new run that starts from its documents and pays for the rest."""

# No `from __future__ import annotations`: the routes' types are made of the products at hand.

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, PlainValidator
from pydantic import create_model as make_model
from pydantic_core import PydanticCustomError

from fabula.products import Product
from fabula.runs.estimate import Estimate
from fabula.service.asked import (
    MONTH_S,
    MOST_USD,
    PRINTABLE,
    PROJECT,
    URL,
    exactly,
)
from fabula.service.auth import Who
from fabula.service.problems import Refused, excerpt
from fabula.service.samples import changes_of
from fabula.service.state import Here
from fabula.service.views import Message, RunSummary, summary_fields
from fabula.store.runs import get_run


class ChangeOptions(BaseModel):
    """What a change may say; flags and profile are the parent's where they are not given."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    request: dict[str, Any]
    """The change's own fields."""
    flags: dict[str, Any] | None = None
    profile: str | None = Field(default=None, pattern=PROJECT)
    budget: float | None = Field(default=None, gt=0, le=MOST_USD)
    timeout_s: float | None = Field(default=None, gt=0, le=MONTH_S)
    queue: Literal["interactive", "batch"] = "batch"
    webhook: str | None = Field(default=None, pattern=URL, max_length=2000)


class ChangePlanView(BaseModel):
    """What a change would do and cost at most; `documents` are taken over from the parent."""

    parent: str
    product: str
    change: str
    request: dict[str, Any]
    profile: str
    does: Message
    estimate: Estimate
    documents: list[str]


def routes(products: Mapping[str, Product]) -> APIRouter:
    """Make the routes for these products."""
    router = APIRouter(prefix="/v1", tags=["runs"])
    names = sorted({name for made in products.values() for name in made.changes})
    asking = _request_model(products)

    @router.post(
        "/runs/{run}/changes/{change}",
        status_code=202,
        response_model=RunSummary | ChangePlanView,
        responses={200: {"model": ChangePlanView, "description": "With `dry_run`: the plan"}},
    )
    async def change_run(
        run: str,
        change: Annotated[str, Path(json_schema_extra={"examples": list(names)})],
        *,
        asked: Annotated[
            ChangeOptions, Body(openapi_examples=changes_of(products)), exactly(asking)
        ],
        service: Here,
        who: Who,
        response: Response,
        dry_run: Annotated[bool, Query()] = False,
        idempotency_key: Annotated[str | None, Header(pattern=PRINTABLE)] = None,
    ) -> Any:
        """Ask for a changed run: it starts from the finished one's documents.

        With `dry_run` nothing is written: the answer says what the change does and may cost.
        """
        row = await service.run_of(who, run)
        offered = products[row.product].changes if row.product in products else {}
        if change not in offered:
            raise _unknown(change, sorted(offered))
        if dry_run:
            prepared, _ = await service.queue.plan_change(
                row, change, asked.request, flags=asked.flags, profile=asked.profile
            )
            response.status_code = 200
            return ChangePlanView.model_validate(prepared.plan.as_json())
        made, _ = await service.queue.change(
            row,
            change,
            asked.request,
            flags=asked.flags,
            profile=asked.profile,
            budget=asked.budget,
            timeout_s=asked.timeout_s,
            queue=asked.queue,
            idempotency_key=idempotency_key,
            asked={"of": row.id, "change": change, **asked.model_dump(exclude_unset=True)},
            webhook=asked.webhook,
        )
        response.headers["Location"] = f"/v1/runs/{made}"
        return RunSummary(**summary_fields(await get_run(service.store, made)))

    return router


def _request_model(products: Mapping[str, Product]) -> type[ChangeOptions]:
    requests = [one.request for made in products.values() for one in made.changes.values()]
    shown: Any = reduce(or_, requests) if requests else dict[str, Any]
    request = Annotated[dict[str, Any], PlainValidator(_fields, json_schema_input_type=shown)]
    fields: dict[str, Any] = {"request": (request, ...)}
    return make_model("ChangeRequest", __base__=ChangeOptions, **fields)


def _fields(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PydanticCustomError("model_type", "Input should be an object")
    return value


def _unknown(change: str, offered: Sequence[str]) -> Refused:
    listed = ", ".join(offered) or "none"
    return Refused(
        404,
        "unknown_change",
        f"there is no change {excerpt(change)} of this run; its changes: {listed}",
        f"이 실행에는 {excerpt(change)}라는 변경이 없습니다. 있는 것: {listed}",
        field="change",
    )
