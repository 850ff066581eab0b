"""A chat model that answers from a script, with the faults that real providers show."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple

import httpx
from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall, ToolCallChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, Field, PrivateAttr

from fabula.gateway.langchain import LangChainProvider
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.provider import ChatProvider, ChatRequest, Message, Role
from fabula.testing.answers import as_text, offline_answer
from fabula.testing.flaws import malformed, truncated, wrong_ids
from fabula.testing.rules import (
    CallsTool,
    Fails,
    Malformed,
    ScriptedError,
    TimesOut,
    Truncated,
    Unreachable,
    When,
    WrongIds,
)

STREAMED_CHARACTERS = 16


class _Said(NamedTuple):
    text: str
    metadata: dict[str, Any]
    usage: tuple[int, int]
    tool_calls: Sequence[ToolCall] = ()


class ScriptedModel(BaseChatModel):
    """Answer by the first rule that meets a question, else like the offline model.

    Ask it through `scripted_provider`: the rules see agent, item and attempt there. Used as a
    plain chat model it sees messages alone, and only rules without them apply. `latency_s` is
    added to every answer. `requests` keeps what was asked, `most_at_once` how many questions
    were on their way together.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    rules: Sequence[When] = ()
    latency_s: float = 0.0
    default: Callable[[ChatRequest], object] = Field(default=offline_answer)
    model_name: str = "scripted"

    _lock: Lock = PrivateAttr(default_factory=Lock)
    _spent: dict[int, int] = PrivateAttr(default_factory=dict)
    _requests: list[ChatRequest] = PrivateAttr(default_factory=list)
    _open: int = PrivateAttr(default=0)
    _most: int = PrivateAttr(default=0)

    @property
    def requests(self) -> tuple[ChatRequest, ...]:
        return tuple(self._requests)

    @property
    def calls(self) -> int:
        return len(self._requests)

    @property
    def most_at_once(self) -> int:
        return self._most

    def asked(self, agent: str = "*", item: str = "*") -> tuple[ChatRequest, ...]:
        """Return the questions whose agent and item match, in order."""
        wanted = When(agent=agent, item=item)
        return tuple(request for request in self._requests if wanted.meets(request))

    def bind_tools(
        self,
        tools: Sequence[Any],  # noqa: ARG002 - the rules say which tool is called
        *,
        tool_choice: str | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(**kwargs)

    @property
    def _llm_type(self) -> str:
        return "fabula-scripted"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model_name": self.model_name}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        with self._on_its_way(messages, kwargs) as (request, rule):
            time.sleep(self._wait_s(rule))
            return _result(self._say(request, rule))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        with self._on_its_way(messages, kwargs) as (request, rule):
            await asyncio.sleep(self._wait_s(rule))
            return _result(self._say(request, rule))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with self._on_its_way(messages, kwargs) as (request, rule):
            await asyncio.sleep(self._wait_s(rule))
            said = self._say(request, rule)
            for start in range(0, len(said.text), STREAMED_CHARACTERS):
                part = said.text[start : start + STREAMED_CHARACTERS]
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=part))
                if run_manager:
                    await run_manager.on_llm_new_token(part, chunk=chunk)
                yield chunk
            last = AIMessageChunk(
                content="",
                usage_metadata=_usage(said),
                response_metadata=said.metadata,
                tool_call_chunks=[
                    ToolCallChunk(
                        name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=index
                    )
                    for index, call in enumerate(said.tool_calls)
                ],
                chunk_position="last",
            )
            yield ChatGenerationChunk(message=last)

    @contextmanager
    def _on_its_way(
        self, messages: Sequence[BaseMessage], given: Mapping[str, Any]
    ) -> Iterator[tuple[ChatRequest, When]]:
        request = given.get("request") or _plain_request(self.model_name, messages)
        with self._lock:
            self._requests.append(request)
            self._open += 1
            self._most = max(self._most, self._open)
            rule = self._rule(request)
        try:
            yield request, rule
        finally:
            with self._lock:
                self._open -= 1

    def _rule(self, request: ChatRequest) -> When:
        for index, rule in enumerate(self.rules):
            spent = self._spent.get(index, 0)
            if rule.meets(request) and (rule.times is None or spent < rule.times):
                self._spent[index] = spent + 1
                return rule
        return When()

    def _wait_s(self, rule: When) -> float:
        after = rule.reply.after_s if isinstance(rule.reply, TimesOut) else 0.0
        return self.latency_s + rule.latency_s + after

    def _say(self, request: ChatRequest, rule: When) -> _Said:
        reply = rule.reply(request) if callable(rule.reply) else rule.reply
        if isinstance(reply, CallsTool):
            call = ToolCall(name=reply.name, args=dict(reply.args), id=f"call-{self.calls}")
            return _Said("", {"finish_reason": "tool_calls"}, rule.usage or (0, 0), (call,))
        rule = replace(rule, reply=reply)
        text, reason = self._spoken(request, rule)
        usage = rule.usage or (
            estimate_tokens(request.messages, request.schema),
            estimate_tokens([Message("assistant", text)], {}),
        )
        return _Said(text, {"finish_reason": reason, "model_name": self.model_name}, usage)

    def _spoken(self, request: ChatRequest, rule: When) -> tuple[str, str]:
        match rule.reply:
            case Fails() as fault:
                raise ScriptedError(fault)
            case Unreachable(sent=sent):
                raise httpx.ReadError("connection lost") if sent else httpx.ConnectError("refused")
            case TimesOut():
                raise httpx.ReadTimeout("no answer")
            case Truncated(answer=answer, share=share):
                return truncated(self._text(request, answer), share), "length"
            case Malformed(answer=answer):
                return malformed(self._text(request, answer)), rule.finish_reason
            case WrongIds(answer=answer):
                return _with_wrong_ids(self._text(request, answer)), rule.finish_reason
            case reply:
                return self._text(request, reply), rule.finish_reason

    def _text(self, request: ChatRequest, reply: object) -> str:
        value = self.default(request) if reply is None else reply
        return as_text(value(request) if callable(value) else value)


def scripted_provider(model: ScriptedModel) -> ChatProvider:
    """Make the provider that asks the scripted model, with the whole request for its rules."""
    return LangChainProvider(model, bind=lambda request: {"request": request})


def _with_wrong_ids(text: str) -> str:
    return as_text(wrong_ids(json.loads(text)))


def _plain_request(model: str, messages: Sequence[BaseMessage]) -> ChatRequest:
    roles: Mapping[str, Role] = {"human": "user", "ai": "assistant"}
    said = tuple(Message(roles.get(m.type, "system"), str(m.content)) for m in messages)
    return ChatRequest(
        agent="",
        item="",
        attempt=0,
        model=model,
        messages=said,
        schema={},
        schema_name="",
        seed=0,
        max_output_tokens=4096,
        temperature=None,
    )


def _usage(said: _Said) -> Any:
    given, made = said.usage
    return {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}


def _result(said: _Said) -> ChatResult:
    message = AIMessage(
        content=said.text,
        usage_metadata=_usage(said),
        response_metadata=said.metadata,
        tool_calls=list(said.tool_calls),
    )
    return ChatResult(generations=[ChatGeneration(message=message)])


__all__ = [
    "CallsTool",
    "Fails",
    "Malformed",
    "ScriptedModel",
    "TimesOut",
    "Truncated",
    "Unreachable",
    "When",
    "WrongIds",
    "scripted_provider",
]
