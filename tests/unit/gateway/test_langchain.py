import asyncio
import traceback
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from langchain_core.exceptions import ModelAuthenticationError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from fabula.gateway.langchain import LangChainProvider
from fabula.gateway.provider import ChatAnswer, ChatRequest, Message, ProviderError

REQUEST = ChatRequest(
    agent="magazine.classify",
    item="classify",
    attempt=0,
    model="some-model",
    messages=(
        Message("system", "너는 편집자다."),
        Message("user", "골라라."),
        Message("assistant", "{"),
        Message("user", "다시."),
    ),
    schema={"type": "object"},
    schema_name="magazine_classify",
    seed=1,
    max_output_tokens=100,
    temperature=None,
)
USAGE: Any = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


class FakeModel(BaseChatModel):
    """Answers with what it was given, and keeps how it was asked."""

    said: list[AIMessageChunk]
    error: Exception | None = None
    wait_s: float = 0.0
    asked: list[list[BaseMessage]] = []  # noqa: RUF012 - pydantic copies it
    given: list[dict[str, Any]] = []  # noqa: RUF012
    closed: bool = False

    @property
    def _llm_type(self) -> str:
        return "fake"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self.asked.append(messages)
        self.given.append(kwargs)
        await asyncio.sleep(self.wait_s)
        if self.error:
            raise self.error
        chunk = self.said[0]
        message = AIMessage(
            content=chunk.content,
            additional_kwargs=chunk.additional_kwargs,
            response_metadata=chunk.response_metadata,
            usage_metadata=chunk.usage_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        try:
            for chunk in self.said:
                yield ChatGenerationChunk(message=chunk)
            await asyncio.sleep(self.wait_s)
            if self.error:
                raise self.error
        finally:
            self.closed = True


def _says(content: Any, usage: Any = USAGE, **metadata: Any) -> AIMessageChunk:
    return AIMessageChunk(content=content, usage_metadata=usage, response_metadata=metadata)


def _provider(model: FakeModel, **more: Any) -> LangChainProvider:
    return LangChainProvider(model, bind=lambda request: {"top_k": request.seed}, **more)


async def _answer(chunk: AIMessageChunk) -> ChatAnswer:
    return await _provider(FakeModel(said=[chunk])).complete(REQUEST)


async def test_sends_roles_and_bound_arguments_once() -> None:
    model = FakeModel(said=[_says("{}", finish_reason="stop")])
    await _provider(model).complete(REQUEST)
    kinds = [type(message) for message in model.asked[0]]
    assert kinds == [SystemMessage, HumanMessage, AIMessage, HumanMessage]
    assert [message.content for message in model.asked[0]] == [m.content for m in REQUEST.messages]
    assert [given["top_k"] for given in model.given] == [1]


async def test_maps_text_usage_and_version() -> None:
    answer = await _answer(_says('{"a": 1}', finish_reason="stop", model_name="some-model-0613"))
    assert answer == ChatAnswer('{"a": 1}', "stop", 7, 3, "some-model-0613")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"finish_reason": "stop"}, "stop"),
        ({"finish_reason": "STOP"}, "stop"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"finish_reason": "content_filter"}, "content_filter"),
        ({"finish_reason": "SAFETY"}, "safety"),
        ({"finish_reason": None}, "unknown"),
        ({}, "unknown"),
    ],
)
async def test_puts_every_provider_s_reason_in_one_vocabulary(
    given: Mapping[str, Any], reason: str
) -> None:
    assert (await _answer(_says("{}", **given))).finish_reason == reason


async def test_joins_text_blocks_and_leaves_thoughts_out() -> None:
    blocks = [
        {"type": "thinking", "thinking": "음…"},
        {"type": "text", "text": '{"a":'},
        {"type": "reasoning", "reasoning": "그렇다면"},
        " 1",
        {"type": "text", "text": "}"},
    ]
    assert (await _answer(_says(blocks, finish_reason="stop"))).text == '{"a": 1}'


async def test_a_refusal_is_no_answer_but_keeps_its_text() -> None:
    chunk = _says("", finish_reason="stop")
    chunk.additional_kwargs["refusal"] = "도와드릴 수 없습니다."
    answer = await _answer(chunk)
    assert (answer.finish_reason, answer.text) == ("refusal", "도와드릴 수 없습니다.")


async def test_usage_that_was_not_reported_is_estimated_from_above_and_marked() -> None:
    answer = await _answer(_says("한국어 답입니다.", None, finish_reason="stop"))
    assert answer.usage_estimated
    assert answer.input_tokens >= sum(len(m.content) for m in REQUEST.messages)
    assert answer.output_tokens >= len("한국어 답입니다.")
    assert not (await _answer(_says("{}", finish_reason="stop"))).usage_estimated


async def _heard(provider: LangChainProvider) -> tuple[ChatAnswer, list[str]]:
    tokens: list[str] = []

    async def hear(token: str) -> None:
        tokens.append(token)

    return await provider.complete(REQUEST, hear), tokens


async def test_streams_tokens_and_takes_usage_from_the_last_chunk() -> None:
    chunks = [_says('{"a"', None), _says(": 1}", None), _says("", finish_reason="stop")]
    answer, tokens = await _heard(_provider(FakeModel(said=chunks)))
    assert answer == ChatAnswer('{"a": 1}', "stop", 7, 3, "some-model")
    assert tokens == ['{"a"', ": 1}"]


async def test_a_reason_repeated_on_every_chunk_is_read_once() -> None:
    named = {"finish_reason": "STOP", "model_name": "gemini-x"}
    chunks = [_says("{", None, **named), _says("}", **named)]
    answer, _ = await _heard(_provider(FakeModel(said=chunks)))
    assert (answer.finish_reason, answer.model_version) == ("stop", "gemini-x")


async def test_a_stream_that_breaks_is_an_error_that_may_be_billed() -> None:
    model = FakeModel(said=[_says("{", None)], error=ConnectionResetError("reset"))
    with pytest.raises(ProviderError) as caught:
        await _heard(_provider(model))
    assert caught.value.maybe_billed
    assert caught.value.retryable


async def test_what_the_listener_raises_is_not_the_provider_s_failure() -> None:
    async def broken(token: str) -> None:
        raise ValueError("listener")

    with pytest.raises(ValueError, match="listener"):
        await _provider(FakeModel(said=[_says("{")])).complete(REQUEST, broken)


@pytest.mark.parametrize("streamed", [False, True])
async def test_cancelling_is_never_swallowed(streamed: bool) -> None:
    model = FakeModel(said=[_says("{", None)], wait_s=30)
    provider = _provider(model)
    coming = _heard(provider) if streamed else provider.complete(REQUEST)
    task = asyncio.ensure_future(coming)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if streamed:
        assert model.closed


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_time_limit_covers_the_whole_call(streamed: bool) -> None:
    model = FakeModel(said=[_says("{", None)], wait_s=30)
    provider = _provider(model, timeout_s=0.05)
    with pytest.raises(ProviderError, match=r"0\.05 s") as caught:
        await (_heard(provider) if streamed else provider.complete(REQUEST))
    assert (caught.value.retryable, caught.value.maybe_billed) == (True, True)


async def test_no_traceback_carries_the_key() -> None:
    key = "-".join(("top", "secret"))
    error = ModelAuthenticationError(f"Incorrect API key provided: {key}, or {'sk'}-abcdef")
    provider = _provider(FakeModel(said=[], error=error), secrets=[key])
    with pytest.raises(ProviderError) as caught:
        await provider.complete(REQUEST)
    shown = "".join(traceback.format_exception(caught.value))
    assert key not in shown
    assert "sk-abcdef" not in shown
    assert not caught.value.retryable
