"""What a provider's exception means for the gateway: retry or not, billed or not, how long."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from langchain_core.exceptions import ModelAPIError, ModelError, ModelRateLimitError

from fabula.gateway.provider import ProviderError

MAX_MESSAGE = 600
MASK = "[secret]"

_SECRETS = re.compile(
    r"(?i)(?<![\w-])(?:sk|pk|rk)-[\w*.-]{4,}|AIza[\w-]{10,}|bearer\s+[\w*.~+/=-]{4,}"
)
_RETRYABLE = frozenset({408, 409, 425, 429})
_BLOCKS = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})
_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})

# By name, because the SDKs bring their own copy of httpx under another import name.
_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})
_NOT_A_REQUEST = frozenset({"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"})
_TIME_OUTS = frozenset({"ReadTimeout", "WriteTimeout", "ConnectTimeout", "PoolTimeout"})


def provider_failures() -> tuple[type[Exception], ...]:
    """Return the exceptions of the provider libraries that are loaded by now.

    Nothing is imported for it: a library that raised something is in `sys.modules`. ValueError,
    TypeError and LookupError are what LangChain's adapters raise for an answer that is no chat
    completion.
    """
    named = (
        ("httpx", "HTTPError"),
        ("httpx", "InvalidURL"),
        ("httpx2", "HTTPError"),
        ("httpx2", "InvalidURL"),
        ("openai", "OpenAIError"),
        ("google.genai.errors", "APIError"),
        ("langchain_google_genai._common", "GoogleGenerativeAIError"),
    )
    loaded = (getattr(sys.modules.get(module), name, None) for module, name in named)
    own = (ModelError, OSError, ValueError, TypeError, LookupError)
    return own + tuple(kind for kind in loaded if isinstance(kind, type))


def as_provider_error(error: Exception, *, secrets: Sequence[str] = ()) -> ProviderError:
    """Translate an exception of `provider_failures`; its text is scrubbed and cut."""
    chain = tuple(_chain(error))
    status = next((found for link in chain if (found := _status(link)) is not None), None)
    headers = next((held for link in chain if (held := _headers(link))), {})
    wishes = (retry_after_s(headers), *(_retry_delay_s(link) for link in chain))
    message = scrub(_words(chain, status), secrets)
    if status is not None:
        return ProviderError(
            message,
            retryable=_worth_retrying(status, chain, headers),
            status=status,
            retry_after_s=next((wish for wish in wishes if wish is not None), None),
            blocked=any(code in _BLOCKS for link in chain for code in _codes(link)),
        )
    names = {type(link).__name__ for link in chain}
    if names & _NOT_A_REQUEST:
        return ProviderError(message, retryable=False)
    if names & _NEVER_SENT or any(isinstance(link, ConnectionRefusedError) for link in chain):
        return ProviderError(message, retryable=True)
    if _unreadable(error):
        return ProviderError(message, retryable=False, maybe_billed=True)
    retryable = error.is_retryable if isinstance(error, ModelError) else True
    turned_away = isinstance(error, (ModelRateLimitError, ModelAPIError))
    return ProviderError(message, retryable=retryable, maybe_billed=retryable and not turned_away)


def scrub(text: str, secrets: Sequence[str] = ()) -> str:
    """Mask the given secrets and whatever looks like a key; cut to `MAX_MESSAGE` characters."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return _SECRETS.sub(MASK, text)[:MAX_MESSAGE]


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read the provider's wish in seconds from `retry-after-ms` or `Retry-After`.

    An HTTP date is measured against the response's own `Date`, so a wrong clock here does not
    matter; without one, against this machine's clock.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _seconds(lower.get(name), divisor)
        if seconds is not None:
            return seconds
    due = _timestamp(lower.get("retry-after"))
    if due is None:
        return None
    sent = _timestamp(lower.get("date"))
    return max(0.0, due - (time.time() if sent is None else sent))


def _retry_delay_s(error: BaseException) -> float | None:
    """Read Google's `retryDelay`, which stands in the error's body and in no header."""
    body = getattr(error, "details", None)
    inner = body.get("error") if isinstance(body, Mapping) else None
    details = inner.get("details") if isinstance(inner, Mapping) else None
    for detail in details if isinstance(details, list) else ():
        wish = detail.get("retryDelay") if isinstance(detail, Mapping) else None
        if isinstance(wish, str) and wish.endswith("s"):
            return _seconds(wish.removesuffix("s"), 1.0)
    return None


def _seconds(value: str | None, divisor: float) -> float | None:
    try:
        seconds = float(value or "") / divisor
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _timestamp(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value or "").timestamp()
    except (ValueError, TypeError):
        return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _status(error: BaseException) -> int | None:
    body = getattr(error, "body", None)
    places = (
        getattr(error, "status_code", None),
        getattr(getattr(error, "response", None), "status_code", None),
        getattr(error, "code", None),
        body.get("code") if isinstance(body, Mapping) else None,
    )
    for value in places:
        if isinstance(value, int) and 300 <= value < 600:  # noqa: PLR2004 - HTTP's own ranges
            return value
    return None


def _headers(error: BaseException) -> Mapping[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return dict(headers.items()) if headers else {}


def _worth_retrying(
    status: int, chain: Sequence[BaseException], headers: Mapping[str, str]
) -> bool:
    if any(code in _QUOTA for link in chain for code in _codes(link)):
        return False
    wish = {name.lower(): value for name, value in headers.items()}.get("x-should-retry")
    if wish in ("true", "false"):
        return wish == "true"
    return status in _RETRYABLE or status >= 500  # noqa: PLR2004 - HTTP's own ranges


def _codes(error: BaseException) -> Iterator[str]:
    body: Any = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else {}
    values = [getattr(error, "code", None), getattr(error, "type", None)]
    if isinstance(inner, Mapping):
        values += [inner.get("code"), inner.get("type")]
    return (value for value in values if isinstance(value, str))


def _unreadable(error: Exception) -> bool:
    return isinstance(error, (ValueError, TypeError, LookupError)) and not isinstance(
        error, ModelError
    )


def _words(chain: Sequence[BaseException], status: int | None) -> str:
    error = chain[0]
    said = str(error) or type(error).__name__
    if status is not None:
        return f"the provider answered {status}: {said}"
    if {type(link).__name__ for link in chain} & _TIME_OUTS or isinstance(error, TimeoutError):
        return f"the provider did not answer in time: {said}"
    if isinstance(error, Exception) and _unreadable(error):
        return (
            f"the server's answer is no chat completion ({type(error).__name__}: {said}); check "
            "the base URL"
        )
    cause = str(chain[-1]) or type(chain[-1]).__name__
    return f"no connection to the provider: {said}" + (f" ({cause})" if cause != said else "")
