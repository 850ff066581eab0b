"""A validation that stops the line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from fabula.errors import GateFailed
from fabula.nodes.services import Node, Update

S = TypeVar("S")


class Breach(NamedTuple):
    """Where a document broke its contract, what was got and what was wanted."""

    path: str
    got: str
    wanted: str


def gate(check: Callable[[S], Awaitable[Breach | None]]) -> Node:
    """Make a node that changes nothing and raises GateFailed where `check` finds a breach."""

    async def stand(state: Any) -> Update:
        breach = await check(state)
        if breach is not None:
            raise GateFailed(breach.path, got=breach.got, wanted=breach.wanted)
        return {}

    return stand
