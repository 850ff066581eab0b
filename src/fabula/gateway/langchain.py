"""Any LangChain chat model as a provider: one request, the raw text, why it ended, what it used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)

from fabula.gateway.failures import as_provider_error, provider_failures
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.provider import (
    ChatAnswer,
    ChatRequest,
    Message,
    OnToken,
    ProviderError,
)

T = TypeVar("T")

Bind = Callable[[ChatRequest], Mapping[str, Any]]

_MESSAGES: Mapping[str, type[BaseMessage]] = {
    "system": SystemMessage,
    "user": HumanMessage,
    "assistant": AIMessage,
}
_REASONS = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "continuation": "length",
    "blocklist": "safety",
    "prohibited_content": "safety",
    "spii": "safety",
}


@dataclass
class _Received:
    """What came in so far; the reasons are kept apart because merged chunks glue strings."""

    message: AIMessage
    metadata: dict[str, Any] = field(default_factory=dict)


class LangChainProvider:
    """Ask a LangChain chat model; `bind` gives the keyword arguments of one request.

    The model's own retries must be off. `timeout_s` bounds the whole call, streamed or not.
    `secrets` are masked in every error's text. Usage that the provider did not report is
    estimated from above and marked `usage_estimated`: the call was paid for all the same.
    """

    def __init__(
        self,
        model: BaseChatModel,
        *,
        bind: Bind,
        timeout_s: float | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self._model = model
        self._bind = bind
        self._timeout_s = timeout_s
        self._secrets = tuple(secrets)

    async def complete(self, request: ChatRequest, on_token: OnToken | None = None) -> ChatAnswer:
        """Send the request once; raise ProviderError when no answer came."""
        bound = dict(self._bind(request))
        messages = [_MESSAGES[role](content=content) for role, content in request.messages]
        deadline = asyncio.timeout(self._timeout_s)
        try:
            async with deadline:
                if on_token is None:
                    received = await self._ask(messages, bound)
                else:
                    received = await self._stream(messages, bound, on_token)
        except TimeoutError:
            if not deadline.expired():
                raise
        else:
            return _answer(request, received)
        raise ProviderError(
            f"the provider did not answer in time: no whole answer within {self._timeout_s} s",
            retryable=True,
            maybe_billed=True,
        )

    async def _ask(self, messages: list[BaseMessage], bound: dict[str, Any]) -> _Received:
        message = await self._guarded(self._model.ainvoke(messages, **bound))
        return _Received(message, dict(message.response_metadata))

    async def _stream(
        self, messages: list[BaseMessage], bound: dict[str, Any], on_token: OnToken
    ) -> _Received:
        whole: AIMessageChunk | None = None
        metadata: dict[str, Any] = {}
        source = self._model.astream(messages, **bound)
        # LangChain types its async generator as a plain iterator.
        async with aclosing(cast("Any", source)) as chunks:
            while (chunk := await self._guarded(anext(chunks, None))) is not None:
                whole = chunk if whole is None else cast("AIMessageChunk", whole + chunk)
                metadata |= {k: v for k, v in chunk.response_metadata.items() if v}
                if delta := _text(chunk.content):
                    await on_token(delta)
        return _Received(whole or AIMessageChunk(content=""), metadata)

    async def _guarded(self, coming: Awaitable[T]) -> T:
        try:
            return await coming
        except ProviderError:
            raise
        except provider_failures() as error:
            failed = as_provider_error(error, secrets=self._secrets)
        # Raised out here, so that no traceback carries the unscrubbed original along.
        raise failed


def _answer(request: ChatRequest, received: _Received) -> ChatAnswer:
    message, metadata = received.message, received.metadata
    refusal = message.additional_kwargs.get("refusal")
    text = refusal or _text(message.content)
    usage = message.usage_metadata or {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    input_tokens, output_tokens = usage["input_tokens"], usage["output_tokens"]
    estimated = not input_tokens or (not output_tokens and bool(text))
    return ChatAnswer(
        text=text,
        finish_reason="refusal" if refusal else _reason(metadata),
        input_tokens=input_tokens or estimate_tokens(request.messages, request.schema),
        output_tokens=output_tokens or _estimate(text),
        model_version=str(
            metadata.get("model_name") or metadata.get("model_version") or request.model
        ),
        usage_estimated=estimated,
    )


def _estimate(text: str) -> int:
    return estimate_tokens([Message("assistant", text)], {}) if text else 0


def _reason(metadata: Mapping[str, Any]) -> str:
    given = metadata.get("finish_reason") or metadata.get("stop_reason") or "unknown"
    reason = str(getattr(given, "name", given)).lower()
    return _REASONS.get(reason, reason)


def _text(content: str | Sequence[str | Mapping[str, Any]]) -> str:
    """Join the text of a message's content; reasoning, thinking and other blocks stay out."""
    if isinstance(content, str):
        return content
    parts = [
        block if isinstance(block, str) else block.get("text") or ""
        for block in content
        if isinstance(block, str) or block.get("type") == "text"
    ]
    return "".join(parts)
