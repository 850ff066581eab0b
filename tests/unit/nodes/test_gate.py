from __future__ import annotations

from typing import Any

import pytest

from fabula.errors import GateFailed
from fabula.nodes import Breach, gate


async def check(state: Any) -> Breach | None:
    if state["count"] < 3:
        return Breach("items", got=str(state["count"]), wanted="at least 3")
    return None


async def test_lets_a_sound_document_pass_and_changes_nothing() -> None:
    assert await gate(check)({"count": 3}) == {}


async def test_stops_the_line_and_says_where() -> None:
    with pytest.raises(GateFailed) as caught:
        await gate(check)({"count": 2})
    assert (caught.value.path, caught.value.got) == ("items", "2")
    assert caught.value.wanted == "at least 3"
