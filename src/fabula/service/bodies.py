"""What a request body may be: so large, so slow, and JSON that says each thing once."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from typing import Any, NoReturn

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fabula.errors import BadInput
from fabula.service.problems import Refused, excerpt, problem

LONGEST_NUMBER = 18
LONGEST_NAME = 60
SILENCE_S = 20.0
"""How long the next piece of a body may take to come."""
_JSON = re.compile(r"application/([\w.-]+\+)?json")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class _Refused(Exception):
    pass


class _Body:
    """A request's body as it comes: raises where it is too large or too slow, and remembers it."""

    def __init__(self, receive: Receive, most: float, silence_s: float) -> None:
        self._receive = receive
        self._most = most
        self._silence_s = silence_s
        self._seen = 0
        self._whole = False
        self.slow = False

    @property
    def large(self) -> bool:
        return self._seen > self._most

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._silence_s):
                message = await self._receive()
        except TimeoutError:
            self.slow = True
            raise _Refused from None
        self._whole = not message.get("more_body", False)
        self._seen += len(message.get("body", b""))
        if self.large:
            raise _Refused
        return message


class BodyLimit:
    """Answer a body of more than `most` bytes with 413, whatever its header says of its length.

    One of which nothing more comes for `silence_s` seconds is answered with 408. `elsewhere` are
    paths below which a route limits how large its bodies are itself.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        most: int,
        elsewhere: Collection[str] = (),
        silence_s: float = SILENCE_S,
    ) -> None:
        self._app = app
        self._most = most
        self._elsewhere = tuple(elsewhere)
        self._silence_s = silence_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = math.inf if scope["path"].startswith(self._elsewhere) else self._most
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length[:LONGEST_NUMBER]) > most:
            await self._too_large(scope, receive, send)
            return
        body, begun = _Body(receive, most, self._silence_s), False

        async def passed(message: Message) -> None:
            nonlocal begun
            # A route that could not read its body answers 400: the reason is ours to tell.
            if begun or not (body.large or body.slow):
                begun = True
                await send(message)

        with suppress(_Refused):
            await self._app(scope, body, passed)
        if not begun and (body.large or body.slow):
            await (self._too_slow if body.slow else self._too_large)(scope, receive, send)

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = problem(
            413,
            "too_large",
            f"the body has more than {self._most:,} bytes; send material as files",
            f"요청 본문이 {self._most:,}바이트를 넘습니다. 자료는 파일로 올려 주세요",
            headers={"Connection": "close"},
        )
        await answer(scope, receive, send)

    async def _too_slow(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = problem(
            408,
            "body_too_slow",
            f"nothing more of the body came for {self._silence_s:g} s; send it in one go",
            f"{self._silence_s:g}초 동안 요청 본문이 더 오지 않았습니다. 한 번에 보내 주세요",
            headers={"Connection": "close"},
        )
        await answer(scope, receive, send)


async def sound_body(request: Request) -> None:
    """Refuse what is not sent as JSON, or is JSON that two readers could read in two ways.

    Another encoding than UTF-8 (a byte order mark before it is passed over), a key that comes
    twice, NaN and the infinities; and U+0000, which no text holds.
    """
    route: Any = request.scope["route"]
    if route.body_field is None or not (body := await request.body()):
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not _JSON.fullmatch(kind):
        raise Refused(
            415,
            "unsupported_media_type",
            f"got {excerpt(kind)}: send the body as `Content-Type: application/json`",
            f"{excerpt(kind)}: 본문을 `Content-Type: application/json`으로 보내세요",
        )
    if not _utf8(body):
        raise _bad_json("it is not UTF-8", "UTF-8이 아닙니다")
    try:
        # What is no JSON at all is not read as such, and is refused for it.
        read = json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return
    if _NUL.search(body):
        place = None
        with suppress(RecursionError):
            place = _place_of_nul(read)
        raise BadInput(
            ".".join(place or ["body"]),
            "has the character U+0000, which no text holds; leave it out",
            "글에 쓸 수 없는 U+0000 문자가 있습니다. 빼 주세요",
        )


def _utf8(body: bytes) -> bool:
    if not json.detect_encoding(body).startswith("utf-8"):
        return False
    try:
        # Python's reader of JSON would take halves of surrogate pairs.
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _place_of_nul(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [] if "\0" in value else None
    inside = dict(enumerate(value)) if isinstance(value, list) else value
    for key, one in inside.items() if isinstance(inside, dict) else ():
        if "\0" in str(key):
            return [excerpt(key)]
        if (rest := _place_of_nul(one)) is not None:
            return [str(key)[:LONGEST_NAME], *rest]
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise _bad_json(
            f"the key {excerpt(twice)} comes twice", f"{excerpt(twice)} 키가 두 번 나옵니다"
        )
    return found


def _no_number(name: str) -> NoReturn:
    raise _bad_json(f"{name} is no number in JSON", f"{name}: JSON의 수가 아닙니다")


def _bad_json(en: str, ko: str) -> Refused:
    return Refused(
        400, "bad_json", f"the body is no good JSON: {en}", f"올바른 JSON이 아닙니다: {ko}"
    )
