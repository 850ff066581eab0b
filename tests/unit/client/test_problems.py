"""The service's problems become the library's own errors: both ends are held to one another."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from fabula.client.problems import error_of, retry_after
from fabula.errors import (
    BadInput,
    Conflict,
    FabulaError,
    Forbidden,
    GateFailed,
    KeyMissing,
    MissingExtra,
    ServiceError,
    StoreUnavailable,
    TooManyRequests,
    Unauthorized,
    UnfitFile,
    UnknownFile,
    UnknownRun,
)
from fabula.service.problems import Refused, _refused

CASES: list[FabulaError] = [
    BadInput("brief.angle", "is wrong", "틀렸습니다"),
    UnknownRun("r1"),
    UnknownFile("f1"),
    UnfitFile("too big", "큽니다", code="file_too_large"),
    UnfitFile("odd", "이상합니다", code="file_type"),
    Conflict("run", "goes on", "실행 중입니다", code="run_active", run="r1"),
    Unauthorized("no key", "키가 없습니다"),
    Forbidden("not here", "안 됩니다", code="not_local"),
    TooManyRequests("slow", "천천히", retry_after_s=9),
    MissingExtra("magazine", "magazine"),
    KeyMissing("no key of openai", "키가 없습니다"),
    GateFailed("a.b", got="x", wanted="y"),
    StoreUnavailable("away", "없습니다"),
    FabulaError("odd", "이상합니다"),
]


async def answered(error: FabulaError) -> httpx.Response:
    made = await _refused(None, error)  # type: ignore[arg-type]  # the request is not looked at
    return httpx.Response(made.status_code, content=bytes(made.body), headers=dict(made.headers))


@pytest.mark.parametrize("error", CASES, ids=lambda one: f"{type(one).__name__}-{one.code}")
async def test_an_error_comes_back_as_what_it_was(error: FabulaError) -> None:
    got = error_of(await answered(error))
    assert type(got) is (ServiceError if type(error) is FabulaError else type(error))
    assert got.code == error.code
    assert error.en.partition(";")[0] in got.en
    assert error.ko.partition(".")[0] in got.ko
    assert str(got) == got.en
    for name in ("field", "run", "retry_after_s", "extra"):
        if type(error) is not StoreUnavailable:
            assert getattr(got, name, None) == getattr(error, name, None)


async def test_a_code_that_this_version_does_not_know_keeps_its_kind() -> None:
    got = error_of(await answered(Refused(404, "unknown_thing", "no", "없음", field="name")))
    assert type(got) is BadInput
    assert (got.code, got.field) == ("unknown_thing", "name")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(502, ServiceError, "http_502"), (404, BadInput, "http_404"), (401, Unauthorized, "http_401")],
)
@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'"x"', b"\xff", b"null"])
def test_what_a_proxy_answers_is_an_error_too(
    body: bytes, status: int, kind: type[FabulaError], code: str
) -> None:
    got = error_of(httpx.Response(status, content=body))
    assert type(got) is kind
    assert got.code == code
    assert str(status) in got.en


@pytest.mark.parametrize("field", [None, 7, ["x"], {"a": 1}])
def test_fields_of_another_type_do_no_harm(field: Any) -> None:
    body = json.dumps({"code": field, "detail": field, "detail_ko": field, "field": field})
    assert isinstance(error_of(httpx.Response(422, content=body)), BadInput)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), (" 0 ", 0.0), ("-1", None), ("soon", None), ("", None), ("999999999", 86_400.0)],
)
def test_retry_after_is_read_as_seconds(header: str, seconds: float | None) -> None:
    assert retry_after(httpx.Response(503, headers={"Retry-After": header})) == seconds
