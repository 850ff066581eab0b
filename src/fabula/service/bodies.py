"""A limit for request bodies, before any route reads them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fabula.service.problems import problem

LONGEST_NUMBER = 18


class _TooLarge(Exception):
    pass


class BodyLimit:
    """Answer a body of more than `most` bytes with 413, whatever its header says of its length.

    `elsewhere` are paths below which a route limits its bodies itself.
    """

    def __init__(self, app: ASGIApp, *, most: int, elsewhere: Collection[str] = ()) -> None:
        self._app = app
        self._most = most
        self._elsewhere = tuple(elsewhere)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(self._elsewhere):
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length[:LONGEST_NUMBER]) > self._most:
            await self._refuse(scope, receive, send)
            return
        seen, begun = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise _TooLarge
            return message

        async def passed(message: Message) -> None:
            nonlocal begun
            # A route that could not read its body answers 400: the reason is ours to tell.
            if begun or seen <= self._most:
                begun = True
                await send(message)

        with suppress(_TooLarge):
            await self._app(scope, counted, passed)
        if seen > self._most and not begun:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = problem(
            413,
            "too_large",
            f"the body has more than {self._most:,} bytes; send material as files",
            f"요청 본문이 {self._most:,}바이트를 넘습니다. 자료는 파일로 올려 주세요",
            headers={"Connection": "close"},
        )
        await answer(scope, receive, send)
