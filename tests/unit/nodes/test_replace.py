from __future__ import annotations

from typing import Any

import pytest

from fabula.errors import BadInput
from fabula.nodes import Steps
from fabula.testing.memory import memory_services


async def own(state: Any) -> dict[str, str]:
    return {"by": "own"}


async def theirs(state: Any) -> dict[str, str]:
    return {"by": "theirs"}


async def with_services(state: Any, services: Any) -> dict[str, bool]:
    return {"offline": services.offline}


async def test_a_readers_node_stands_in_for_the_named_one_only() -> None:
    services, _, _ = memory_services({})
    steps = Steps(("plan", "write"), services, {"plan": theirs})
    assert await steps.step("plan", own)({}) == {"by": "theirs"}
    assert await steps.step("write", own)({}) == {"by": "own"}


async def test_a_readers_node_that_asks_for_services_gets_the_runs() -> None:
    services, _, _ = memory_services({}, offline=True)
    node: Any = Steps(("plan",), services, {"plan": with_services}).step("plan", own)
    assert await node({}) == {"offline": True}


def test_a_step_that_cannot_be_called_is_refused() -> None:
    services, _, _ = memory_services({})
    broken: Any = {"plan": None}
    with pytest.raises(BadInput, match=r"replace\.plan: is NoneType"):
        Steps(("plan",), services, broken)


def test_an_unknown_name_lists_the_names() -> None:
    services, _, _ = memory_services({})
    with pytest.raises(BadInput, match=r"`pln` is not a node .*: plan, write"):
        Steps(("plan", "write"), services, {"pln": theirs})
