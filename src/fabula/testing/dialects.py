"""The formats that the loopback server speaks, one question at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from fabula.gateway.provider import ChatRequest
from fabula.testing import gemini_wire, wire
from fabula.testing.wire import Reply

Headers = Mapping[str, str]

_GEMINI = re.compile(r"/v1(?:beta)?/models/(?P<model>[^/:]+):(?P<verb>\w+)")
_STREAMED = {"generateContent": False, "streamGenerateContent": True}


class Refusal(NamedTuple):
    """An HTTP error's body, and the headers that go with it."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]


class Dialect(Protocol):
    """How one question, whose body is already read as JSON, is understood and answered."""

    last: bytes
    """What ends a stream of events."""

    def read(self) -> ChatRequest:
        """Return the request behind the body; BadBodyError where the provider would refuse it."""
        ...

    def body_hash(self) -> str:
        """Name the question by what it asks."""
        ...

    def whole(self, request: ChatRequest, reply: Reply) -> Mapping[str, Any]:
        """Write the whole answer."""
        ...

    def events(self, request: ChatRequest, reply: Reply) -> list[Mapping[str, Any]] | None:
        """Write the answer as a stream's events; None where no stream was asked for."""
        ...

    def refuse(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> Refusal:
        """Write an HTTP error."""
        ...


class OpenAI:
    """A chat completion."""

    last = b"data: [DONE]\n\n"

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def read(self) -> ChatRequest:
        return wire.read_request(self._body)

    def body_hash(self) -> str:
        return wire.body_hash(self._body)

    def whole(self, request: ChatRequest, reply: Reply) -> Mapping[str, Any]:
        return wire.completion(request, reply, **self._named(request))

    def events(self, request: ChatRequest, reply: Reply) -> list[Mapping[str, Any]] | None:
        if not self._body.get("stream"):
            return None
        with_usage = bool((self._body.get("stream_options") or {}).get("include_usage"))
        return [*wire.chunks(request, reply, **self._named(request), with_usage=with_usage)]

    def refuse(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> Refusal:
        wish = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
        return Refusal(wire.error(status, message, code=code), wish)

    def _named(self, request: ChatRequest) -> dict[str, str]:
        name = self.body_hash()
        return {"model": f"{request.model}@{name}", "id": f"chatcmpl-{name}"}


class Gemini:
    """A generateContent; the model and the manner of the answer stand in the path."""

    last = b""

    def __init__(self, body: Mapping[str, Any], *, model: str, streamed: bool) -> None:
        self._body = body
        self._model = model
        self._streamed = streamed

    def read(self) -> ChatRequest:
        return gemini_wire.read_request(self._model, self._body)

    def body_hash(self) -> str:
        return gemini_wire.body_hash(self._model, self._body)

    def whole(self, request: ChatRequest, reply: Reply) -> Mapping[str, Any]:
        return gemini_wire.response(request, reply, **self._named())

    def events(self, request: ChatRequest, reply: Reply) -> list[Mapping[str, Any]] | None:
        if not self._streamed:
            return None
        return [*gemini_wire.chunks(request, reply, **self._named())]

    def refuse(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,  # noqa: ARG002 - Google has none
        retry_after_s: float | None = None,
    ) -> Refusal:
        return Refusal(gemini_wire.error(status, message, retry_after_s=retry_after_s), {})

    def _named(self) -> dict[str, str]:
        name = self.body_hash()
        return {"version": f"{self._model}@{name}", "id": f"resp-{name}"}


def dialect_of(path: str, query: Mapping[str, str], raw: bytes) -> Dialect | None:
    """Return the format of a question posted to this path; None where nothing is asked there.

    Raises ValueError for a body that is no JSON object.
    """
    gemini = _GEMINI.fullmatch(path)
    if path != "/v1/chat/completions" and not (gemini and gemini["verb"] in _STREAMED):
        return None
    body = read_object(raw)
    if not gemini:
        return OpenAI(body)
    streamed = _STREAMED[gemini["verb"]]
    if streamed and query.get("alt") != "sse":
        raise wire.BadBodyError("alt: only sse is spoken here")
    return Gemini(body, model=gemini["model"], streamed=streamed)


def read_object(raw: bytes) -> dict[str, Any]:
    """Parse a body; ValueError where it is no JSON object."""
    body = json.loads(raw or b"{}")
    if not isinstance(body, dict):
        raise wire.BadBodyError("body: a JSON object is needed")
    return body


def key_of(headers: Any) -> str:
    """Return the key that a question came with, whichever way it was carried."""
    bearer = str(headers.get("authorization", "")).removeprefix("Bearer ")
    return str(headers.get("x-goog-api-key", "")) or bearer
