from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from fabula.documents.base import Ref, Strict
from fabula.errors import FabulaError
from fabula.gateway.offline import OfflineModel
from fabula.gateway.provider import ChatRequest, Message
from fabula.gateway.structured import BadAnswer, narrow, parse


class Choice(Strict):
    post: Annotated[str, Ref("post")]
    reason: str


ALIASES = {"post": {"p1": "first", "p2": "second"}}
MESSAGES = (Message("user", "<post>골목에서 책방을 찾았다.</post>"),)


def request(*, seed: int = 0, agent: str = "test.choose") -> ChatRequest:
    return ChatRequest(
        agent=agent,
        item="choose",
        attempt=0,
        model="offline",
        messages=MESSAGES,
        schema=narrow(Choice, ALIASES, {}),
        schema_name="Choice",
        seed=seed,
        max_output_tokens=1000,
        temperature=None,
    )


async def ask(model: OfflineModel, **given: Any) -> AIMessage:
    bound = model.bind(request=request(**given))
    message = await bound.ainvoke([HumanMessage(MESSAGES[0].content)])
    assert isinstance(message, AIMessage)
    return message


def read(message: AIMessage) -> Choice:
    assert isinstance(message.content, str)
    return parse(message.content, "stop", Choice, aliases=ALIASES, bounds={})


async def test_answers_json_that_the_gateway_accepts_with_usage_and_finish_reason() -> None:
    message = await ask(OfflineModel())
    assert read(message).post in ("first", "second")
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["model_name"] == "offline"
    usage = message.usage_metadata
    assert usage is not None
    assert usage["input_tokens"] > len(MESSAGES[0].content)
    assert usage["output_tokens"] > 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


@given(st.integers(0, 2**63))
def test_the_same_seed_gives_the_same_bytes_from_any_object(seed: int) -> None:
    one, other = (
        model.bind(request=request(seed=seed)).invoke([HumanMessage("x")]).content
        for model in (OfflineModel(), OfflineModel())
    )
    assert one == other


async def test_streams_the_same_text_with_usage_and_finish_reason_at_its_end() -> None:
    whole: AIMessageChunk | None = None
    pieces = 0
    async for chunk in OfflineModel().bind(request=request(seed=4)).astream("x"):
        assert isinstance(chunk, AIMessageChunk)
        whole = chunk if whole is None else whole + chunk
        pieces += 1
    message = await ask(OfflineModel(), seed=4)
    assert whole is not None
    assert pieces > 2
    assert whole.content == message.content
    assert whole.usage_metadata == message.usage_metadata
    assert whole.response_metadata["finish_reason"] == "stop"


async def test_an_agent_with_a_recipe_answers_by_it() -> None:
    def recipe(messages: Sequence[Message], schema: Mapping[str, Any], seed: int) -> object:
        offered = schema["properties"]["post"]["enum"]
        return {"post": offered[-1], "reason": f"{messages[0].role} {seed}"}

    model = OfflineModel(recipes={"test.choose": recipe})
    assert read(await ask(model, seed=9)) == Choice(post="second", reason="user 9")
    assert read(await ask(model, seed=9, agent="test.other")).reason != "user 9"


@pytest.mark.parametrize("every", [1, 3, 4])
async def test_spoils_exactly_every_nth_answer(every: int) -> None:
    model = OfflineModel(faults=every)
    spoilt = []
    for number in range(1, 13):
        try:
            read(await ask(model, seed=number))
        except BadAnswer:
            spoilt.append(number)
    assert spoilt == list(range(every, 13, every))


async def test_counts_streamed_answers_too() -> None:
    model = OfflineModel(faults=2)
    await ask(model)
    text = "".join([str(c.content) async for c in model.bind(request=request()).astream("x")])
    with pytest.raises(BadAnswer):
        parse(text, "stop", Choice, aliases=ALIASES, bounds={})


async def test_refuses_a_call_without_a_request() -> None:
    with pytest.raises(FabulaError, match="wanted a ChatRequest"):
        await OfflineModel().ainvoke("x")


async def test_says_what_it_is() -> None:
    model = OfflineModel(faults=3)
    assert model._llm_type == "offline"
    assert model._identifying_params == {"model_name": "offline", "faults": 3}
    assert json.loads(str((await ask(model)).content))
