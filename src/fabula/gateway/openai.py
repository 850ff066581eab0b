"""OpenAI and every server that speaks its chat completions, through langchain-openai."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from fabula.errors import MissingExtra
from fabula.gateway.langchain import LangChainProvider
from fabula.gateway.provider import ChatAnswer, ChatProvider, ChatRequest, OnToken
from fabula.gateway.sending import look_before_sending

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessageChunk
    from langchain_core.outputs import ChatGenerationChunk

OPENAI_BASE_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT_S = 10.0

OutputLimit = Literal["max_tokens", "max_completion_tokens"]


def openai_provider(
    *,
    model: str,
    api_key: str,
    base_url: str | None,
    timeout_s: float,
    output_limit: OutputLimit | None = None,
) -> ChatProvider:
    """Make the adapter; MissingExtra without langchain-openai, which is loaded at the first call.

    `base_url` None is OpenAI itself, whatever the environment says. `output_limit` names the
    field that carries the limit of the output; by default OpenAI's own hosts get
    `max_completion_tokens` (its reasoning models refuse the other) and every other server
    `max_tokens` (old ones know nothing else). A server without keys takes any `api_key`.
    """
    if find_spec("langchain_openai") is None:
        raise MissingExtra("openai adapter", "openai")
    url = base_url or OPENAI_BASE_URL
    return _OpenAIProvider(
        model=model,
        api_key=api_key or "none",
        base_url=url,
        timeout_s=timeout_s,
        output_limit=output_limit or _output_limit(url),
    )


class _OpenAIProvider:
    """Holds one client for each event loop: a client's connections belong to the loop it met."""

    def __init__(
        self, *, model: str, api_key: str, base_url: str, timeout_s: float, output_limit: str
    ) -> None:
        self._model = model
        self._api_key = api_key
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._output_limit = output_limit
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, LangChainProvider] = (
            WeakKeyDictionary()
        )

    async def complete(self, request: ChatRequest, on_token: OnToken | None = None) -> ChatAnswer:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            # The import alone takes a second or two.
            client = self._clients[loop] = await asyncio.to_thread(self._build)
        return await client.complete(request, on_token)

    def _build(self) -> LangChainProvider:
        from langchain_openai._compat import httpx

        async def key() -> str:
            return self._api_key

        timeout = httpx.Timeout(self._timeout_s, connect=min(self._timeout_s, CONNECT_TIMEOUT_S))
        model = _chat_class()(
            model=self._model,
            # An async callable: no synchronous client is built, and no repr holds the key.
            api_key=key,
            base_url=self._base_url,
            http_async_client=httpx.AsyncClient(
                timeout=timeout,
                # No connection is used twice. One that the server closed meanwhile cannot be told
                # from one lost after sending, which may have been billed and is not sent again.
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
                event_hooks={"request": [look_before_sending]},
            ),
            timeout=timeout,
            max_retries=0,
            stream_usage=True,
            stream_chunk_timeout=None,
            http_socket_options=(),
            openai_proxy="",
            use_responses_api=False,
            output_version="v0",
            cache=False,
        )
        return LangChainProvider(
            model, bind=self._bind, timeout_s=self._timeout_s, secrets=(self._api_key,)
        )

    def _bind(self, request: ChatRequest) -> Mapping[str, Any]:
        # `response_format` as a keyword goes through the SDK's `.parse`, which raises on a cut
        # answer and loses its text and usage; in the extra body it is sent and nothing more.
        body: dict[str, Any] = {self._output_limit: request.max_output_tokens}
        if request.schema:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {
                    "name": request.schema_name,
                    "schema": dict(request.schema),
                    "strict": True,
                },
            }
        bound: dict[str, Any] = {"model": request.model or self._model, "extra_body": body}
        if request.temperature is not None:
            bound["temperature"] = request.temperature
        return bound


def _output_limit(base_url: str) -> OutputLimit:
    host = urlsplit(base_url).hostname or ""
    own = any(host == name or host.endswith(f".{name}") for name in ("openai.com", "azure.com"))
    return "max_completion_tokens" if own else "max_tokens"


def _chat_class() -> Any:
    from langchain_openai import ChatOpenAI

    class Chat(ChatOpenAI):
        """Keeps a streamed refusal, which langchain-openai drops (1.7.3)."""

        def _convert_chunk_to_generation_chunk(
            self,
            chunk: dict[str, Any],
            default_chunk_class: type[BaseMessageChunk],
            base_generation_info: dict[str, Any] | None,
        ) -> ChatGenerationChunk | None:
            made = super()._convert_chunk_to_generation_chunk(
                chunk, default_chunk_class, base_generation_info
            )
            choice = (chunk.get("choices") or [{}])[0]
            if made and (refusal := (choice.get("delta") or {}).get("refusal")):
                made.message.additional_kwargs["refusal"] = refusal
            return made

    return Chat
