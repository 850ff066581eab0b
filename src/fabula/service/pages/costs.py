"""`/admin/cost`: what the caller's own runs cost, by day, product, step and model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from fabula.errors import BadInput
from fabula.service.pages.drawing import PageRoute, page
from fabula.service.pages.sessions import Visitor
from fabula.service.pages.words import KOREA_S
from fabula.service.state import Here
from fabula.store.costs import Days, DaySpent, Spent, spent_by_day, today

router = APIRouter(route_class=PageRoute)
ZONES = {"KST": KOREA_S, "UTC": 0}
USUAL_DAYS = 30
MOST_DAYS = 731
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Sum(Spent):
    """The sums of what has one name; `share` is its part of the dearest line, 0 to 100."""

    name: str
    share: int


@router.get("/admin/cost")
async def show_costs(
    service: Here,
    who: Visitor,
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
    zone: Annotated[str, Query(max_length=3)] = "KST",
) -> Response:
    offset = ZONES.get(zone, KOREA_S)
    to = _day("to", last) if last else await today(service.store, offset)
    since = _day("from", first) if first else to - USUAL_DAYS + 1
    if not 0 <= to - since < MOST_DAYS:
        raise BadInput(
            "from",
            f"got {_date(since)} to {_date(to)}, wanted 1 to {MOST_DAYS} days",
            f"{_date(since)}부터 {_date(to)}까지: {MOST_DAYS}일까지 볼 수 있습니다",
        )
    found = await spent_by_day(service.store, who.owner, Days(since, to, offset))
    return page(
        "cost",
        who=who,
        first=_date(since),
        last=_date(to),
        zone=zone if zone in ZONES else "KST",
        zones=list(ZONES),
        total=_summed("", found, 0),
        tables=(
            ("day", _by(found, lambda one: _date(one.day), by_cost=False)),
            ("product", _by(found, lambda one: one.product)),
            ("step", _by(found, lambda one: f"{one.product} · {one.step}")),
            ("model", _by(found, lambda one: one.model)),
        ),
    )


def _by(
    found: Sequence[DaySpent], name_of: Callable[[DaySpent], str], *, by_cost: bool = True
) -> list[Sum]:
    groups: dict[str, list[DaySpent]] = {}
    for one in found:
        groups.setdefault(name_of(one), []).append(one)
    most = max((sum(one.cost for one in group) for group in groups.values()), default=0)
    sums = [_summed(name, group, most) for name, group in groups.items()]
    if by_cost:
        return sorted(sums, key=lambda one: (-one.cost, -one.calls, one.name))
    return sorted(sums, key=lambda one: one.name, reverse=True)


def _summed(name: str, found: Sequence[DaySpent], most: int) -> Sum:
    totals = {field: sum(getattr(one, field) for one in found) for field in _FIELDS}
    share = round(totals["cost"] * 100 / most) if most else 0
    return Sum(name=name, share=share, **totals)


_FIELDS = tuple(Spent.__dataclass_fields__)


def _day(field: str, given: str) -> int:
    try:
        found = (date.fromisoformat(given) - _EPOCH).days
    except ValueError:
        found = -1
    if found < 0:
        raise BadInput(
            field,
            f"got `{given}`, wanted a day such as 2026-01-31",
            f"`{given}`: 2026-01-31 꼴이어야 합니다",
        )
    return found


def _date(day: int) -> str:
    return str(_EPOCH + timedelta(days=day))
