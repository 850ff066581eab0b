import asyncio
import json
import time
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from fabula.gateway.provider import ChatRequest, Message, ProviderError
from fabula.testing.scripted import (
    Fails,
    Malformed,
    ScriptedModel,
    TimesOut,
    Truncated,
    Unreachable,
    When,
    WrongIds,
    scripted_provider,
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["post_ids", "text"],
    "properties": {
        "post_ids": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["p1"]}},
        "text": {"type": "string"},
    },
}
ANSWER = {"post_ids": ["p1"], "text": "글입니다."}


def _request(agent: str = "demo.write", item: str = "write/s1", attempt: int = 0) -> ChatRequest:
    return ChatRequest(
        agent=agent,
        item=item,
        attempt=attempt,
        model="scripted",
        messages=(Message("user", "한옥을 소개하라."),),
        schema=SCHEMA,
        schema_name=agent.replace(".", "_"),
        seed=5,
        max_output_tokens=100,
        temperature=None,
    )


async def _text(model: ScriptedModel, request: ChatRequest | None = None) -> str:
    return (await scripted_provider(model).complete(request or _request())).text


async def _fails(reply: object) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await scripted_provider(ScriptedModel(rules=[When(reply=reply)])).complete(_request())
    return caught.value


class Greeting(BaseModel):
    words: str


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ({"말": 1}, '{"말": 1}'),
        ([1], "[1]"),
        ("그대로", "그대로"),
        (Greeting(words="안녕"), '{"words":"안녕"}'),
        (lambda request: {"item": request.item}, '{"item": "write/s1"}'),
        (lambda request: f"{request.agent}!", "demo.write!"),
    ],
)
async def test_gives_values_texts_and_what_functions_make(reply: object, text: str) -> None:
    assert await _text(ScriptedModel(rules=[When(reply=reply)])) == text


async def test_the_first_rule_that_meets_the_question_answers() -> None:
    model = ScriptedModel(
        rules=[
            When(agent="demo.plan", reply="계획"),
            When(item="write/s2", reply="둘째"),
            When(agent="demo.*", attempt=1, reply="다시"),
            When(reply="나머지"),
        ]
    )
    assert await _text(model, _request(agent="demo.plan")) == "계획"
    assert await _text(model, _request(item="write/s2", attempt=1)) == "둘째"
    assert await _text(model, _request(attempt=1)) == "다시"
    assert await _text(model) == "나머지"


async def test_a_rule_is_spent_after_its_times() -> None:
    model = ScriptedModel(rules=[When(times=2, reply=Fails(503)), When(reply="이제 됩니다")])
    provider = scripted_provider(model)
    for _ in range(2):
        with pytest.raises(ProviderError):
            await provider.complete(_request())
    assert (await provider.complete(_request())).text == "이제 됩니다"
    assert model.calls == 3


async def test_without_a_rule_the_schema_is_filled_the_same_way_each_time() -> None:
    first, second = await _text(ScriptedModel()), await _text(ScriptedModel())
    assert first == second
    assert json.loads(first)["post_ids"] == ["p1"]


async def test_a_429_says_how_long_to_wait() -> None:
    failure = await _fails(Fails(429, retry_after_s=2.5))
    assert (failure.status, failure.retry_after_s) == (429, 2.5)
    assert (failure.retryable, failure.maybe_billed) == (True, False)


async def test_a_spent_quota_and_a_bad_request_stay() -> None:
    assert not (await _fails(Fails(429, code="insufficient_quota"))).retryable
    assert not (await _fails(Fails(400))).retryable


async def test_connections_and_time_outs_tell_what_may_have_been_billed() -> None:
    assert not (await _fails(Unreachable())).maybe_billed
    assert (await _fails(Unreachable(sent=True))).maybe_billed
    assert (await _fails(TimesOut())).maybe_billed


async def test_a_truncated_answer_says_so() -> None:
    model = ScriptedModel(rules=[When(reply=Truncated(ANSWER))])
    answer = await scripted_provider(model).complete(_request())
    assert answer.finish_reason == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


async def test_a_malformed_answer_claims_to_be_done() -> None:
    model = ScriptedModel(rules=[When(reply=Malformed(ANSWER))])
    answer = await scripted_provider(model).complete(_request())
    assert answer.finish_reason == "stop"
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


async def test_wrong_ids_spoil_the_ids_alone() -> None:
    spoilt = json.loads(await _text(ScriptedModel(rules=[When(reply=WrongIds(ANSWER))])))
    assert spoilt["text"] == ANSWER["text"]
    assert spoilt["post_ids"] not in (["p1"], [])


async def test_usage_can_be_set_and_is_counted_otherwise() -> None:
    model = ScriptedModel(rules=[When(times=1, reply="답", usage=(1000, 20)), When(reply="답")])
    provider = scripted_provider(model)
    told = await provider.complete(_request())
    counted = await provider.complete(_request())
    assert (told.input_tokens, told.output_tokens) == (1000, 20)
    assert counted.input_tokens > 0 < counted.output_tokens
    assert not counted.usage_estimated


async def test_latency_passes_and_calls_at_once_are_counted() -> None:
    model = ScriptedModel(latency_s=0.05, rules=[When(latency_s=0.05, reply="답")])
    provider = scripted_provider(model)
    started = time.perf_counter()
    await asyncio.gather(*(provider.complete(_request()) for _ in range(4)))
    assert 0.09 < time.perf_counter() - started < 0.35
    assert model.most_at_once == 4


async def test_keeps_what_was_asked() -> None:
    model = ScriptedModel(rules=[When(reply="답")])
    await _text(model, _request(agent="demo.plan", item="plan"))
    await _text(model, _request(item="write/s2"))
    assert [request.agent for request in model.requests] == ["demo.plan", "demo.write"]
    assert [request.item for request in model.asked(agent="demo.w*")] == ["write/s2"]


async def test_streams_the_same_answer() -> None:
    model = ScriptedModel(rules=[When(reply="가나다라" * 20)])
    tokens: list[str] = []

    async def hear(token: str) -> None:
        tokens.append(token)

    provider = scripted_provider(model)
    assert await provider.complete(_request(), hear) == await provider.complete(_request())
    assert len(tokens) > 1


def test_answers_as_a_plain_chat_model_too() -> None:
    model = ScriptedModel(rules=[When(agent="demo.*", reply="아님"), When(reply="안녕하세요.")])
    assert model.invoke([HumanMessage("안녕")]).content == "안녕하세요."
    assert model.requests[0].messages == (Message("user", "안녕"),)
