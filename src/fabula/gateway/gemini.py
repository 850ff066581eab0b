"""Google's Gemini API, through langchain-google-genai."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from fabula.errors import MissingExtra
from fabula.gateway.langchain import LangChainProvider
from fabula.gateway.provider import ChatAnswer, ChatProvider, ChatRequest, OnToken
from fabula.gateway.sending import look_before_sending

if TYPE_CHECKING:
    import httpx
    from google.genai.types import GenerateContentResponse

GOOGLE_BASE_URL = "https://generativelanguage.googleapis.com"
API_VERSION = "v1beta"
CONNECT_TIMEOUT_S = 10.0

_VERSION = re.compile(r"v\d+\w*")


def gemini_provider(
    *, model: str, api_key: str, base_url: str | None, timeout_s: float
) -> ChatProvider:
    """Make the adapter; MissingExtra without its package, which is loaded at the first call.

    `base_url` None is Google itself, whatever the environment says; one that ends in an API
    version (`…/v1`) is asked in that version. Thinking is billed as output: it counts in an
    answer's `output_tokens` and in the limit of a request, and its text is left out.
    """
    if find_spec("langchain_google_genai") is None:
        raise MissingExtra("gemini adapter", "gemini")
    url, version = endpoint(base_url)
    return _GeminiProvider(
        model=model, api_key=api_key, base_url=url, version=version, timeout_s=timeout_s
    )


def endpoint(base_url: str | None) -> tuple[str, str]:
    """Split a base URL into the server's address and the version of its API."""
    url = (base_url or GOOGLE_BASE_URL).rstrip("/")
    address, _, last = url.rpartition("/")
    return (address, last) if _VERSION.fullmatch(last) else (url, API_VERSION)


class _GeminiProvider:
    """Holds one client for each event loop: a client's connections belong to the loop it met."""

    def __init__(
        self, *, model: str, api_key: str, base_url: str, version: str, timeout_s: float
    ) -> None:
        self._model = model
        self._api_key = api_key
        self._base_url = base_url
        self._version = version
        self._timeout_s = timeout_s
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
        import httpx
        from google.genai import Client
        from google.genai.types import HttpOptions

        context = httpx.create_ssl_context()
        own = Client(
            vertexai=False,
            api_key=self._api_key,
            http_options=HttpOptions(
                base_url=self._base_url,
                api_version=self._version,
                httpx_async_client=httpx.AsyncClient(
                    verify=context,
                    # No connection is used twice. One that the server closed meanwhile cannot be
                    # told from one lost after sending, which may have been billed.
                    limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
                    event_hooks={"request": [_connect_soon, look_before_sending]},
                ),
                client_args={"verify": context},
            ),
        )
        model = _chat_class()(
            own=own.aio,
            model=self._model,
            api_key=self._api_key,
            base_url=self._base_url,
            client_args={"verify": context},
            vertexai=False,
            # One attempt; 0 would be read as the SDK's default of five.
            max_retries=1,
            timeout=self._timeout_s,
            # LangChain's own default is 0.7; None leaves it to the model.
            temperature=None,
            cache=False,
        )
        return LangChainProvider(
            model, bind=_bind, timeout_s=self._timeout_s, secrets=(self._api_key,)
        )


def _bind(request: ChatRequest) -> Mapping[str, Any]:
    bound: dict[str, Any] = {
        "temperature": request.temperature,
        "max_output_tokens": request.max_output_tokens,
        # The SDK would send further requests for an answer that was cut.
        "automatic_continuation": False,
    }
    if request.schema:
        bound["response_mime_type"] = "application/json"
        bound["response_json_schema"] = {"title": request.schema_name, **request.schema}
    return bound


async def _connect_soon(request: httpx.Request) -> None:
    """Bound connecting by itself: the SDK gives one time-out for all."""
    timeouts = request.extensions["timeout"]
    timeouts["connect"] = min(timeouts["connect"] or CONNECT_TIMEOUT_S, CONNECT_TIMEOUT_S)


def _chat_class() -> Any:
    from langchain_google_genai import ChatGoogleGenerativeAI
    from pydantic import Field

    class Chat(ChatGoogleGenerativeAI):
        """Asks through the given client: LangChain's own follows the environment to Vertex AI."""

        own: Any = Field(exclude=True, repr=False)

        @property
        def async_client(self) -> Any:
            return _Asking(self.own.models)

    return Chat


class _Asking:
    """The part of the client that LangChain uses, with blocked prompts made readable."""

    def __init__(self, models: Any) -> None:
        self._models = models
        self.models = self

    async def generate_content(self, **request: Any) -> GenerateContentResponse:
        return _with_reason(await self._models.generate_content(**request))

    async def generate_content_stream(
        self, **request: Any
    ) -> AsyncIterator[GenerateContentResponse]:
        chunks = await self._models.generate_content_stream(**request)
        return (_with_reason(chunk) async for chunk in chunks)


def _with_reason(response: GenerateContentResponse) -> GenerateContentResponse:
    """Put an empty candidate where the prompt was blocked: without one LangChain drops the usage.

    A prompt blocked for whatever reason is a safety stop.
    """
    from google.genai.types import Candidate, FinishReason

    feedback = response.prompt_feedback
    if not response.candidates and feedback and feedback.block_reason:
        response.candidates = [Candidate(finish_reason=FinishReason.SAFETY)]
    return response
