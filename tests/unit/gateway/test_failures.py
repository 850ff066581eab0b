from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelRateLimitError,
    ModelTimeoutError,
)

from fabula.gateway.failures import (
    MAX_MESSAGE,
    as_provider_error,
    provider_failures,
    retry_after_s,
    scrub,
)


class _HttpError(Exception):
    def __init__(self, status: int, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(f"Error code: {status}")
        self.status_code = status
        self.response = SimpleNamespace(status_code=status, headers=headers or {})
        self.body = more


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_a_status_that_may_pass_is_retryable_and_not_billed(status: int) -> None:
    failure = as_provider_error(_HttpError(status))
    assert (failure.retryable, failure.maybe_billed, failure.status) == (True, False, status)


@pytest.mark.parametrize("status", [307, 400, 401, 403, 404, 413, 422])
def test_a_status_that_stays_is_not_retryable(status: int) -> None:
    failure = as_provider_error(_HttpError(status))
    assert (failure.retryable, failure.maybe_billed, failure.status) == (False, False, status)


def test_a_spent_quota_is_not_retried_though_it_is_a_429() -> None:
    flat = _HttpError(429, code="insufficient_quota")
    nested = _HttpError(429, error={"code": None, "type": "insufficient_quota"})
    assert not as_provider_error(flat).retryable
    assert not as_provider_error(nested).retryable


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation"])
def test_a_prompt_that_a_filter_stopped_is_known_by_its_code(code: str) -> None:
    assert as_provider_error(_HttpError(400, error={"code": code})).blocked
    assert not as_provider_error(_HttpError(400, error={"code": "invalid_schema"})).blocked


def test_the_server_s_own_word_on_retries_counts() -> None:
    assert not as_provider_error(_HttpError(503, {"X-Should-Retry": "false"})).retryable
    assert as_provider_error(_HttpError(422, {"x-should-retry": "true"})).retryable


def test_the_status_is_found_behind_a_wrapping_exception() -> None:
    wrapped = RuntimeError("adapter failed")
    wrapped.__cause__ = _HttpError(429, {"retry-after": "3"})
    failure = as_provider_error(wrapped)
    assert (failure.status, failure.retry_after_s, failure.retryable) == (429, 3.0, True)


@pytest.mark.parametrize(
    ("error", "retryable", "billed"),
    [
        (httpx.ConnectError("refused"), True, False),
        (httpx.ConnectTimeout("late"), True, False),
        (httpx.PoolTimeout("full"), True, False),
        (httpx.ReadTimeout("late"), True, True),
        (httpx.ReadError("reset"), True, True),
        (httpx.RemoteProtocolError("disconnected"), True, True),
        (httpx.UnsupportedProtocol("no scheme"), False, False),
        (ConnectionRefusedError("refused"), True, False),
        (ConnectionResetError("reset"), True, True),
        (TimeoutError(), True, True),
        (ModelTimeoutError("late"), True, True),
        (ModelRateLimitError("slow down"), True, False),
        (ContextOverflowError("too long"), False, False),
        (ValueError("Expecting value"), False, True),
        (KeyError("choices"), False, True),
    ],
    ids=repr,
)
def test_what_was_sent_may_be_billed_and_what_was_not_is_not(
    error: Exception, retryable: bool, billed: bool
) -> None:
    failure = as_provider_error(error)
    assert (failure.retryable, failure.maybe_billed) == (retryable, billed)
    assert str(failure)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
        ({"retry-after": "Wed, 21 Oct 1998 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-4"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_reads_how_long_the_provider_wants_to_be_left_alone(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_s(headers) == seconds


def test_masks_keys_given_and_keys_by_their_look() -> None:
    text = scrub(
        "key my-own-key, sk-proj-abc_DEF123, sk-abcd****wxyz, AIzaSyD4q8example, "
        "Authorization: Bearer eyJhbGciOi.J9",
        ["my-own-key", ""],
    )
    for secret in ("my-own-key", "abc_DEF123", "wxyz", "AIza", "eyJ"):
        assert secret not in text
    assert text.count("[secret]") == 5


def test_leaves_plain_words_alone() -> None:
    text = "task-force and risk-averse readers"
    assert scrub(text) == text


def test_cuts_a_message_that_quotes_the_whole_prompt() -> None:
    assert len(scrub("가" * 10_000)) == MAX_MESSAGE


def test_the_failures_of_a_library_count_once_it_is_loaded() -> None:
    assert httpx.HTTPError in provider_failures()
    assert ModelRateLimitError.__base__ in provider_failures()
