"""The offline model: a chat model that needs no key, no server and no download.

It fills the call's schema with grammar-made Korean. Every gate is exercised and every line runs;
what it writes is never prose worth reading, and results say so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import count
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr

from fabula.documents import canonical_json
from fabula.errors import FabulaError
from fabula.gateway.filler import fill
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.provider import ChatRequest, Message, Recipe
from fabula.gateway.spoil import spoil

NAME = "offline"
CHUNK = 24
"""Characters that a streamed chunk carries."""


class OfflineModel(BaseChatModel):
    """Answer `model.bind(request=ChatRequest).ainvoke(messages)`, deterministic by its seed.

    `recipes` maps agents to pure functions that answer for them; any other agent's schema is
    filled from the prompt's own words. With `faults=n` every n-th answer of this object is
    spoilt in a way that a gate must catch; 0 spoils none.
    """

    recipes: Mapping[str, Recipe] = Field(default_factory=dict, exclude=True)
    faults: int = Field(default=0, ge=0)
    # The ledger decides whether an answer is used again, never a cache of LangChain's.
    cache: bool = Field(default=False, exclude=True)

    _answers: Iterator[int] = PrivateAttr(default_factory=lambda: count(1))

    @property
    def _llm_type(self) -> str:
        return NAME

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": NAME, "faults": self.faults}

    def _generate(
        self,
        messages: list[BaseMessage],  # noqa: ARG002 - LangChain's signature
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        text, usage = self._answer(kwargs)
        message = AIMessage(content=text, usage_metadata=usage, response_metadata=_metadata())
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        # The answer takes milliseconds: a thread would cost more than it saves.
        return self._generate(messages, stop, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],  # noqa: ARG002
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        text, usage = self._answer(kwargs)
        for start in range(0, len(text), CHUNK):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text[start : start + CHUNK]))
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                usage_metadata=usage,
                response_metadata=_metadata(),
                chunk_position="last",
            )
        )

    def _answer(self, kwargs: Mapping[str, Any]) -> tuple[str, UsageMetadata]:
        request = kwargs.get("request")
        if not isinstance(request, ChatRequest):
            raise FabulaError(
                f"the offline model got request={request!r}, wanted a ChatRequest: "
                "call it as model.bind(request=…).ainvoke(messages)",
                "오프라인 모델은 ChatRequest가 필요합니다: "
                "model.bind(request=…).ainvoke(messages)로 부르세요",
            )
        recipe = self.recipes.get(request.agent, fill)
        value = recipe(request.messages, request.schema, request.seed)
        if self.faults and next(self._answers) % self.faults == 0:
            value = spoil(value, request.schema, request.messages, request.seed)
        text = canonical_json(value)
        asked = estimate_tokens(request.messages, request.schema)
        told = estimate_tokens([Message("assistant", text)], {})
        return text, UsageMetadata(
            input_tokens=asked, output_tokens=told, total_tokens=asked + told
        )


def _metadata() -> dict[str, Any]:
    return {"finish_reason": "stop", "model_name": NAME}
