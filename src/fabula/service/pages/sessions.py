"""Who looks at a page: an API key's session in a cookie, or the local account without any key.

The cookie holds the key's id, when it ends and a signature, never the key. What changes anything is
taken from our own pages alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.responses import Response

from fabula.errors import Forbidden, Unauthorized
from fabula.service.auth import Bearer, Caller, Gate, Header, gate_of
from fabula.service.state import service_of
from fabula.store.engine import Store
from fabula.store.keys import Key
from fabula.store.sessions import signing_key

COOKIE = "fabula_session"
LASTS_S = 12 * 3600
"""A night's work; then the key is asked for again."""
_COOKIE = re.compile(r"([a-z0-9]{1,16})\.(\d{1,12})\.([0-9a-f]{64})")
_PURPOSE = b"fabula page session"


class LoginNeeded(Unauthorized):
    """Send whoever looks at a page to the login."""

    code = "login_needed"

    def __init__(self) -> None:
        super().__init__("log in with an API key", "API 키로 로그인하세요")


async def visitor(request: Request, bearer: Bearer, header: Header) -> Caller:
    """Return who looks at a page; raises LoginNeeded where a key is needed and none is there.

    An API key in a header counts as well as a session. The requests of a key's pages are counted
    apart from those of its programs.
    """
    service = service_of(request)
    gate = gate_of(request)
    token = bearer.credentials.strip() if bearer else header
    if token or not await gate.keys.in_use():
        who, key = await gate.known(request, token)
    else:
        found = await _session(service.store, request.cookies.get(COOKIE, ""))
        if found is None:
            raise LoginNeeded
        who, key = Caller(found.owner, found.id), found
    if key:
        await gate.admit(replace(key, id=f"{key.id}.pages"))
    return who


async def own_page(request: Request, bearer: Bearer, header: Header) -> None:
    """Refuse a change that another site's page asks for; a program with a key in a header may."""
    if bearer or header:
        return
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        same = fetched == "same-origin"
    else:
        same = _netloc(request.headers.get("origin", "")) == request.headers.get("host", "")
    if not same:
        raise Forbidden(
            "the request comes from another site; open the page here and try again",
            "다른 사이트에서 온 요청입니다. 이 서비스의 페이지에서 다시 시도하세요",
            code="other_origin",
        )


Visitor = Annotated[Caller, Depends(visitor)]
OWN_PAGE = Depends(own_page)


async def log_in(gate: Gate, store: Store, token: str, request: Request, answer: Response) -> None:
    """Put a session into the answer's cookie; raises Unauthorized where the key does not count."""
    who, key = await gate.known(request, token or None)
    if key is None:
        return
    await gate.admit(replace(key, id=f"{key.id}.pages"))
    found = await signing_key(store, key.id)
    if found is None or who.key is None:
        raise LoginNeeded
    until = int(time.time()) + LASTS_S
    answer.set_cookie(
        COOKIE,
        f"{key.id}.{until}.{_signature(found[1], key.id, until)}",
        max_age=LASTS_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def log_out(request: Request, answer: Response) -> None:
    """Take the session out of the browser."""
    secure = request.url.scheme == "https"
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure)


async def _session(store: Store, cookie: str) -> Key | None:
    found = _COOKIE.fullmatch(cookie)
    if found is None or int(found[2]) < time.time():
        return None
    signed = await signing_key(store, found[1])
    if signed is None:
        return None
    key, secret = signed
    good = _signature(secret, key.id, int(found[2]))
    return key if hmac.compare_digest(good, found[3]) else None


def _signature(secret: bytes, id_: str, until: int) -> str:
    own = hmac.digest(secret, _PURPOSE, hashlib.sha256)
    return hmac.new(own, f"{id_}.{until}".encode(), hashlib.sha256).hexdigest()


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
