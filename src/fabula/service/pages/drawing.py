"""Draw a page from its template, with the headers that every page has, and errors as pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from fabula.errors import FabulaError, StoreUnavailable, TooManyRequests, UnknownRun
from fabula.service.pages import words
from fabula.service.pages.sessions import LoginNeeded
from fabula.service.problems import sendable, status_of

FOLDER = Path(__file__).parents[2] / "templates" / "service"
STATIC = {"pages.css": "text/css", "pages.js": "text/javascript"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; media-src 'self'; frame-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser would send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FRAGMENT = "x-fragment"
"""The header of a page's own script: it is answered 401 where a person is sent to the login."""


def page(
    name: str,
    status: int = HTTPStatus.OK,
    *,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """Draw a page."""
    text = _environment().get_template(f"{name}.html.j2").render(**values)
    return HTMLResponse(
        text.encode("utf-8", "replace"), status, headers={**HEADERS, **(headers or {})}
    )


def go_to(address: str) -> RedirectResponse:
    """Send the browser to another page, which it is to GET."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})


def address_of(run: str) -> str:
    """Return the address of a run's page."""
    return f"/runs/{quote(run)}"


@cache
def static(name: str) -> tuple[bytes, str]:
    """Return a style or a script, and the version that its address names."""
    data = (FOLDER / name).read_bytes()
    return data, hashlib.sha256(data).hexdigest()[:12]


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def drawn(request: Request) -> Response:
            try:
                return await handle(request)
            except LoginNeeded as error:
                if FRAGMENT in request.headers or request.method != "GET":
                    return error_page(error, 401)
                query = f"?{request.url.query}" if request.url.query else ""
                return go_to(f"/login?next={quote(request.url.path + query, safe='')}")
            except RequestValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(part) for part in first["loc"][1:])
                return error_page(
                    FabulaError(f"{field}: {first['msg']}", f"{field}: 올바르지 않은 값입니다"), 422
                )
            except HTTPException as error:
                text = str(error.detail)
                return error_page(FabulaError(text, code="bad_request"), error.status_code)
            except FabulaError as error:
                status = status_of(error)
                if status == HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
                return error_page(error, status)

        return drawn


def error_page(error: FabulaError, status: int) -> HTMLResponse:
    """Tell of an error as a page."""
    headers = {}
    if isinstance(error, StoreUnavailable | TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_s)
    ko, en = error.ko, error.en
    if isinstance(error, UnknownRun):
        ko, en = "그런 실행이 없습니다.", "There is no such run of yours."
    return page(
        "error",
        status,
        headers=headers,
        who=None,
        number=status,
        code=error.code,
        ko=sendable(ko),
        en=sendable(en),
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for filter_ in (
        words.usd,
        words.exact,
        words.span,
        words.size,
        words.clock,
        words.day_and_time,
        words.iso,
        pretty,
        quote,
    ):
        made.filters[filter_.__name__] = filter_
    made.tests["between_parts"] = words.between_parts
    made.globals.update(
        STATUS=words.STATUS,
        STATE=words.STATE,
        ACTIVE=words.ACTIVE,
        versions={name: static(name)[1] for name in STATIC},
        who=None,
    )
    return made


def pretty(value: Any) -> str:
    """Write plain data as JSON for reading."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
