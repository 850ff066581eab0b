"""`GET /v1/runs/{run}/deliveries`: what a run's webhook was told, and how each try went."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from fabula.service.auth import Who
from fabula.service.state import Here
from fabula.service.views import moment
from fabula.store.deliveries import Delivery, list_deliveries

router = APIRouter(prefix="/v1", tags=["runs"])


class TryView(BaseModel):
    """One try: the status it was answered with, or why there was none.

    Neither: a process ended before it could write it down.
    """

    number: int
    at: datetime | None
    status: int | None
    error: str | None


class DeliveryView(BaseModel):
    """A delivery; `next_at` is when it is tried again."""

    delivery_id: str
    event: str
    url: str
    state: Literal["waiting", "delivered", "given_up"]
    created_at: datetime | None
    next_at: datetime | None
    delivered_at: datetime | None
    tries: list[TryView]


class Deliveries(BaseModel):
    """All deliveries of a run, oldest first."""

    deliveries: list[DeliveryView]


@router.get("/runs/{run}/deliveries")
async def show_deliveries(run: str, service: Here, who: Who) -> Deliveries:
    """List what the run's webhook was told, or is to be told, with every try."""
    row = await service.run_of(who, run)
    found = await list_deliveries(service.store, row.id)
    return Deliveries(deliveries=[_view(one) for one in found])


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView.model_validate(
        {
            **{key: value for key, value in vars(delivery).items() if key != "id"},
            "delivery_id": delivery.id,
            "created_at": moment(delivery.created_at),
            "next_at": moment(delivery.next_at),
            "delivered_at": moment(delivery.delivered_at),
            "tries": [
                TryView(number=one.number, at=moment(one.at), status=one.status, error=one.error)
                for one in delivery.tries
            ],
        }
    )
