"""What the gateway asks of a provider: one request, one answer, no retries of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

Role = Literal["system", "user", "assistant"]


class Message(NamedTuple):
    role: Role
    content: str


@dataclass(frozen=True)
class ChatRequest:
    """One question as it goes out; `schema` is already narrowed to this call."""

    agent: str
    item: str
    attempt: int
    model: str
    """The provider's own name of the model, without our provider prefix."""
    messages: tuple[Message, ...]
    schema: Mapping[str, Any]
    schema_name: str
    seed: int
    max_output_tokens: int
    temperature: float | None


@dataclass(frozen=True)
class ChatAnswer:
    """One answer as it came in: raw text, why it ended, what it used.

    `finish_reason` is in the gateway's words: `stop` when complete, else the provider's reason
    in lower case (`length`, `content_filter`, `safety`, …; `refusal` with the refusal's text,
    `unknown` where none was given). `usage_estimated`: the provider reported no usage, so the
    tokens are counted from above by characters.
    """

    text: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    model_version: str
    usage_estimated: bool = False


OnToken = Callable[[str], Awaitable[None]]


class ProviderError(Exception):
    """A request that brought no answer.

    `retryable` says whether the same request may succeed later; `status` is the HTTP status where
    there was one; `retry_after_s` is the provider's own wish, in seconds; `maybe_billed` is True
    where the request may have been worked on (a time-out, a connection lost after sending).
    `blocked`: the provider's filter stopped the question before anything was made of it.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        status: int | None = None,
        retry_after_s: float | None = None,
        maybe_billed: bool = False,
        blocked: bool = False,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.status = status
        self.retry_after_s = retry_after_s
        self.maybe_billed = maybe_billed
        self.blocked = blocked


class ChatProvider(Protocol):
    """An adapter to one provider; exactly one request on the wire for each `complete`."""

    async def complete(self, request: ChatRequest, on_token: OnToken | None = None) -> ChatAnswer:
        """Send the request; raise ProviderError when no answer came."""
        ...


Recipe = Callable[[Sequence[Message], Mapping[str, Any], int], object]
"""An agent's offline answer: (rendered messages, narrowed schema, seed) → plain JSON. Pure."""
