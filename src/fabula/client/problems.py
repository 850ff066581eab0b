"""A service's problem+json, as the errors that the library itself raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

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

LONGEST_TEXT = 4_000
LONGEST_WAIT_S = 86_400.0
_BY_CODE: Mapping[str, type[FabulaError]] = {
    "unknown_run": UnknownRun,
    "unknown_file": UnknownFile,
    "file_too_large": UnfitFile,
    "file_type": UnfitFile,
    "file_content": UnfitFile,
    "missing_extra": MissingExtra,
    "key_missing": KeyMissing,
    "gate_failed": GateFailed,
    "store_unavailable": StoreUnavailable,
}
_BY_STATUS: Mapping[int, type[FabulaError]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequests,
}


def error_of(response: httpx.Response) -> FabulaError:
    """Return the error that an answer is; its body has been read.

    Its `code` is the service's, its class the one that the library raises for the same.
    """
    given = _problem(response)
    status = response.status_code
    code = str(given.get("code") or f"http_{status}")
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status)
    if kind is None:
        kind = ServiceError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else BadInput
    en = str(given.get("detail") or f"the service answered {status} {response.reason_phrase}")
    ko = str(given.get("detail_ko") or f"서비스가 {status}로 답했습니다")
    # Not the class's own way to be made: the service has written the texts already.
    error = kind.__new__(kind)
    FabulaError.__init__(error, en[:LONGEST_TEXT], ko[:LONGEST_TEXT], code=code)
    vars(error).update(_more(kind, given, response))
    return error


def retry_after(response: httpx.Response) -> float | None:
    """Return how many seconds an answer asks to wait; None where it says nothing of it."""
    said = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", said):
        return min(float(said), LONGEST_WAIT_S)
    return None


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        given = response.json()
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _more(
    kind: type[FabulaError], given: Mapping[str, Any], response: httpx.Response
) -> Mapping[str, Any]:
    """Return what a class's instances have besides code and texts."""
    more: dict[str, Any] = {}
    if issubclass(kind, BadInput):
        more["field"] = str(given.get("field") or "request")
    if issubclass(kind, Conflict):
        more["run"] = given.get("run")
    if issubclass(kind, MissingExtra):
        found = re.search(r"fabula\[([\w-]+)\]", str(given.get("detail")))
        more["extra"] = found[1] if found else ""
    if issubclass(kind, StoreUnavailable | TooManyRequests):
        more["retry_after_s"] = round(retry_after(response) or 1)
    if issubclass(kind, StoreUnavailable):
        more["in_doubt"] = True
    if issubclass(kind, GateFailed):
        more |= {"path": str(given.get("field") or ""), "got": "", "wanted": ""}
    return more
