from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from fabula.errors import Rejected
from fabula.gateway.agent import Agent
from fabula.nodes import Update, ask
from fabula.testing.memory import memory_services


class Word(BaseModel):
    word: str


WORD = Agent("test.word", "test/word", Word)


async def variables(state: Any) -> dict[str, object]:
    return {"about": state["about"]}


async def keep(state: Any, answer: Word) -> Update:
    return {"word": answer.word}


async def test_keeps_the_typed_answer_and_returns_only_its_keys() -> None:
    services, agents, _ = memory_services({"test.word": [{"word": "바다"}]})
    node = ask(WORD, services=services, variables=variables, keep=keep, item="word")
    assert await node({"about": "여름", "other": 1}) == {"word": "바다"}
    assert agents.calls[0].variables == {"about": "여름"}
    assert agents.calls[0].item == "word"


async def test_hands_aliases_and_bounds_of_the_state_to_the_call() -> None:
    async def aliases(state: Any) -> dict[str, dict[str, str]]:
        return {"post": {"p1": state["about"]}}

    async def bounds(state: Any) -> dict[str, tuple[int, int]]:
        return {"word": (len(state["about"]), 9)}

    services, agents, _ = memory_services({"test.word": [{"word": "바다"}]})
    node = ask(
        WORD,
        services=services,
        variables=variables,
        keep=keep,
        item="word",
        aliases=aliases,
        bounds=bounds,
    )
    await node({"about": "여름"})
    assert agents.calls[0].aliases == {"post": {"p1": "여름"}}
    assert agents.calls[0].bounds == {"word": (2, 9)}


async def test_an_answer_that_stayed_bad_takes_its_route() -> None:
    async def otherwise(state: Any, rejected: Rejected) -> Update:
        return {"word": f"없음: {rejected.reason}"}

    services, _, _ = memory_services({"test.word": [{"wrong": 1}]})
    node = ask(
        WORD, services=services, variables=variables, keep=keep, item="word", otherwise=otherwise
    )
    update = await node({"about": "여름"})
    assert update["word"].startswith("없음: word: Field required")


async def test_without_a_route_it_is_raised() -> None:
    services, _, _ = memory_services({"test.word": [{"wrong": 1}]})
    node = ask(WORD, services=services, variables=variables, keep=keep, item="word")
    with pytest.raises(Rejected) as caught:
        await node({"about": "여름"})
    assert (caught.value.agent, caught.value.item) == ("test.word", "word")
