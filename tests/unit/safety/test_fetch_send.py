from __future__ import annotations

import asyncio

import pytest

from fabula.errors import BadInput
from fabula.safety.fetch import GuardedFetch
from tests.unit.safety.fetching import IMPATIENT, Handler, names, opened, server


def posted(got: list[str]) -> Handler:
    async def handler(
        head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        body = await reader.readexactly(4)
        got.append(head + body.decode())
        writer.write(b"HTTP/1.1 307 X\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    return handler


async def test_a_body_is_sent_once_and_a_redirect_is_only_an_answer() -> None:
    got: list[str] = []
    async with server(posted(got)) as port:
        status = await opened(port).send(f"http://127.0.0.1:{port}/x?y=1", b"body", {"A": "b"})
    (only,) = got
    assert status == 307
    assert only.startswith("POST /x?y=1 HTTP/1.1\r\n")
    assert "\r\nA: b\r\n" in only
    assert only.endswith("\r\n\r\nbody")


async def test_nothing_is_sent_inside() -> None:
    fetch = GuardedFetch(resolve=names({"example.com": ["10.0.0.1"]}))
    with pytest.raises(BadInput, match="not public"):
        await fetch.send("https://example.com/x", b"body", {})
    fetch.check("https://example.com/x")
    with pytest.raises(BadInput, match="not public"):
        fetch.check("http://10.0.0.1/x")


async def test_a_receiver_that_says_nothing_is_not_waited_for() -> None:
    async def silent(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async with server(silent) as port:
        with pytest.raises(BadInput, match="in time"):
            await opened(port, patience=IMPATIENT).send(f"http://127.0.0.1:{port}/", b"", {})
