"""Refuse a query that a route does not know: a misspelt filter would find everything."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from fabula.errors import BadInput
from fabula.service.problems import excerpt


async def known_queries(request: Request) -> None:
    """Raise BadInput where the address asks for what its route does not take."""
    if not request.url.query:
        return
    route: Any = request.scope["route"]
    taken = sorted(field.alias for field in route.dependant.query_params)
    for name in request.query_params:
        if name not in taken:
            listed = ", ".join(taken) or "none"
            raise BadInput(
                excerpt(name),
                f"is no query parameter of this address; it takes: {listed}",
                f"이 주소에 없는 질의 항목입니다. 쓸 수 있는 것: {listed}",
            )
