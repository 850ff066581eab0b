"""Ask one agent once and keep its answer as a document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from fabula.documents import Aliases
from fabula.errors import Rejected
from fabula.gateway.agent import Agent
from fabula.nodes.services import Node, Services, Update

S = TypeVar("S")
T = TypeVar("T", bound=BaseModel)
Bounds = Mapping[str, tuple[int, int]]


def ask(
    agent: Agent[T],
    *,
    services: Services,
    variables: Callable[[S], Awaitable[Mapping[str, object]]],
    keep: Callable[[S, T], Awaitable[Update]],
    item: str,
    aliases: Callable[[S], Awaitable[Aliases]] | None = None,
    bounds: Callable[[S], Awaitable[Bounds]] | None = None,
    otherwise: Callable[[S, Rejected], Awaitable[Update]] | None = None,
) -> Node:
    """Make a node that asks `agent` about `item` and hands the typed answer to `keep`.

    `variables` fill the prompt, `aliases` are the ids that the call may cite and `bounds` the
    lengths of its top-level arrays, each read from the state. `otherwise` is the route of an
    answer that stayed bad; without one the Rejected is raised and the run ends `rejected`.
    """

    async def asked(state: Any) -> Update:
        answer = await services.agents.call(
            agent,
            await variables(state),
            item=item,
            aliases=await aliases(state) if aliases else None,
            bounds=await bounds(state) if bounds else None,
        )
        if not isinstance(answer, Rejected):
            return await keep(state, answer)
        if otherwise is None:
            raise answer
        return await otherwise(state, answer)

    return asked
