"""Errors as `application/problem+json` (RFC 9457): a stable code, English, Korean, the field."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from fabula.complaints import complaint
from fabula.errors import (
    BadInput,
    Conflict,
    FabulaError,
    Forbidden,
    GateFailed,
    KeyMissing,
    MissingExtra,
    StoreUnavailable,
    TooManyRequests,
    Unauthorized,
    UnfitFile,
    UnknownFile,
    UnknownRun,
)

log = logging.getLogger("fabula.service")
MEDIA_TYPE = "application/problem+json"
LONGEST_EXCERPT = 60
LONGEST_DETAIL = 1000
MOST_ERRORS = 20
PLACES = ("body", "query", "path", "header", "cookie")

STATUS: Sequence[tuple[type[FabulaError], int]] = (
    (UnknownRun, 404),
    (UnknownFile, 404),
    (Unauthorized, 401),
    (Forbidden, 403),
    (TooManyRequests, 429),
    (Conflict, 409),
    (MissingExtra, 501),
    (BadInput, 422),
    (KeyMissing, 422),
    (GateFailed, 422),
    (StoreUnavailable, 503),
    (FabulaError, 500),
)
"""The status that an error is answered with: the first line that fits."""
UNFIT = {"file_too_large": 413, "file_type": 415, "file_content": 422}
"""The status that a refused upload is answered with, by its code."""

_MORE_KOREAN = {
    "union_tag_invalid": "다음 가운데 하나여야 합니다: {expected_tags}",
    "union_tag_not_found": "꼭 있어야 합니다",
    "enum": "다음 가운데 하나여야 합니다: {expected}",
    "greater_than": "{gt}보다 커야 합니다",
    "less_than": "{lt}보다 작아야 합니다",
    "finite_number": "유한한 수여야 합니다",
    "float_type": "수여야 합니다",
    "float_parsing": "수여야 합니다",
    "bool_type": "true나 false여야 합니다",
    "bool_parsing": "true나 false여야 합니다",
    "list_type": "목록이어야 합니다",
    "dict_type": "`이름: 값` 꼴이어야 합니다",
    "model_attributes_type": "`이름: 값` 꼴이어야 합니다",
    "extra_forbidden": "없는 항목입니다",
    "json_invalid": "올바른 JSON이 아닙니다",
    "too_long": "너무 많습니다 (최대 {max_length}개)",
}
_KOREAN = {
    400: ("bad_request", "요청을 읽을 수 없습니다"),
    401: ("unauthorized", "API 키가 필요합니다"),
    403: ("forbidden", "허용되지 않은 요청입니다"),
    404: ("not_found", "이 주소에는 아무것도 없습니다. /docs에 있는 주소를 보세요"),
    405: ("method_not_allowed", "이 주소에서 쓸 수 없는 메서드입니다"),
    413: ("too_large", "요청이 너무 큽니다"),
    415: ("unsupported_media_type", "지원하지 않는 형식입니다"),
}


class FieldProblem(BaseModel):
    """One field that is wrong."""

    field: str
    detail: str
    detail_ko: str


class Problem(BaseModel):
    """What every error answer holds. `code` is stable; the texts are for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    detail_ko: str
    field: str | None = None
    run: str | None = None
    errors: list[FieldProblem] | None = None


class Refused(FabulaError):
    """Answer a request with this status and code; `headers` go with the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        en: str,
        ko: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(en, ko, code=code)
        self.status = status
        self.field = field
        self.headers = dict(headers or {})


def problem(
    status: int,
    code: str,
    en: str,
    ko: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """Make the answer."""
    body = Problem(
        type=f"urn:fabula:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=_short(en, LONGEST_DETAIL),
        detail_ko=_short(ko, LONGEST_DETAIL),
        **more,
    )
    content = body.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def answer_errors(app: FastAPI) -> None:
    """Make the application answer every error as a problem."""
    app.add_exception_handler(FabulaError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _store_away)
    app.add_exception_handler(Exception, _bug)


async def _refused(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, FabulaError)  # noqa: S101 - it is registered for these
    status, headers = status_of(error), dict[str, str](getattr(error, "headers", {}))
    en, ko = error.en, error.ko
    if isinstance(error, UnknownRun):
        en = f"there is no such run of yours; GET /v1/runs lists them ({en.partition(';')[0]})"
        ko = f"그런 실행이 없습니다. GET /v1/runs로 목록을 보세요 ({ko.partition('.')[0]})"
    if isinstance(error, StoreUnavailable | TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request failed code=%s", error.code, exc_info=error)
    return problem(
        status,
        error.code,
        en,
        ko,
        headers=headers,
        field=getattr(error, "field", None),
        run=getattr(error, "run", None),
    )


def status_of(error: FabulaError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, UnfitFile):
        return UNFIT[error.code]
    return next(status for kind, status in STATUS if isinstance(error, kind))


async def _invalid(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
    found = [_field_problem(one) for one in error.errors()]
    if error.errors()[0]["type"] == "json_invalid":
        return problem(
            400,
            "bad_json",
            f"the body is no JSON: {_why(error.errors()[0])}",
            "올바른 JSON이 아닙니다",
        )
    first, more = found[0], len(found) - 1
    return problem(
        422,
        "bad_input",
        f"{first.field}: {first.detail}" + (f" (and {more} more)" if more else ""),
        f"{first.field}: {first.detail_ko}" + (f" (그 밖에 {more}곳)" if more else ""),
        field=first.field,
        errors=found[:MOST_ERRORS],
    )


def _why(error: Any) -> str:
    return sendable(str(error.get("ctx", {}).get("error", error["msg"])))


def _field_problem(error: Any) -> FieldProblem:
    loc = [str(part) for part in error["loc"]]
    field = ".".join(loc[1:] if loc and loc[0] in PLACES else loc) or "body"
    got = "" if error["type"] == "missing" else f"; got {excerpt(error.get('input'))}"
    return FieldProblem(
        field=_short(field, LONGEST_EXCERPT * 2),
        detail=_short(f"{error['msg']}{got}", LONGEST_DETAIL // 2),
        detail_ko=_short(_complaint(error), LONGEST_DETAIL // 2),
    )


def _complaint(error: Any) -> str:
    if error["type"] in _MORE_KOREAN:
        return _MORE_KOREAN[error["type"]].format(**error.get("ctx", {}))
    told = complaint(error)
    return told if told != error["msg"] else f"쓸 수 없는 값입니다 ({told})"


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    if error.status_code == HTTPStatus.BAD_REQUEST and (told := _unread(error.__cause__)):
        en, ko = told
        return problem(
            400, "bad_json", f"the body is no good JSON: {en}", f"올바른 JSON이 아닙니다: {ko}"
        )
    code, ko = _KOREAN.get(error.status_code, ("refused", "요청을 처리할 수 없습니다"))
    en = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        en = f"there is nothing at {excerpt(request.url.path)}; /docs lists what there is"
    return problem(error.status_code, code, en, ko, headers=error.headers)


def _unread(cause: BaseException | None) -> tuple[str, str] | None:
    """Say what kept a body from being read as JSON, other than its syntax."""
    if isinstance(cause, UnicodeDecodeError):
        return "it is not UTF-8", "UTF-8이 아닙니다"
    if isinstance(cause, RecursionError):
        return "it is nested too deeply", "괄호가 너무 깊이 들어 있습니다"
    if isinstance(cause, ValueError):
        # What Python's reader refuses beside syntax: whole numbers of more digits than it takes.
        most = sys.get_int_max_str_digits()
        return (
            f"a number in it has more than {most:,} digits",
            f"{most:,}자리가 넘는 수가 있습니다",
        )
    return None


async def _store_away(request: Request, error: Exception) -> JSONResponse:
    log.warning("database refused error=%s", type(error).__name__, exc_info=error)
    away = StoreUnavailable(
        "the database does not answer now; ask again in a moment",
        "데이터베이스가 지금 응답하지 않습니다. 잠시 뒤에 다시 시도하세요",
    )
    return await _refused(request, away)


async def _bug(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    log.error("request failed by a bug error=%s", type(error).__name__, exc_info=error)
    return problem(
        500,
        "bug",
        "an internal error; the service's log has its traceback",
        "내부 오류입니다. 서비스의 로그에 자취가 있습니다",
    )


def excerpt(value: object) -> str:
    """Show the beginning of what was sent."""
    text = sendable(repr(value))
    return text if len(text) <= LONGEST_EXCERPT else f"{text[:LONGEST_EXCERPT]}…"


def _short(text: str, most: int) -> str:
    # Whatever was sent, an answer repeats no more than its beginning.
    told = sendable(text)
    return told if len(told) <= most else f"{told[: most - 1]}…"


def sendable(text: str) -> str:
    """Replace what no UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
