"""Bytes on the wire that two servers could read in two ways: one answer, or none, and no run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.service.live import live
from tests.service.raw import attacked, written

HOST = "Host: 127.0.0.1\r\n"
RUN = '{"product": "echo", "brief": {"text": "a"}}'
INSIDE = f"POST /v1/runs HTTP/1.1\r\n{HOST}Content-Type: application/json\r\n"
SMUGGLED = f"{INSIDE}Content-Length: {len(RUN)}\r\n\r\n{RUN}"
NONE = "Content-Length: 0\r\n"
IDENTITY = "Transfer-Encoding: identity\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
LIST = f"GET /v1/runs HTTP/1.1\r\n{HOST}"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    async with attacked(tmp_path / "home") as made:
        yield made


@pytest.fixture
async def web(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with live(app) as client:
        yield client


async def told(web: httpx.AsyncClient, sent: bytes, *, silence_s: float = 20) -> bytes:
    """Send bytes; return all that comes back until the end, or until nothing more comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.base_url.port)
    got = b""
    try:
        writer.write(sent)
        with suppress(ConnectionError, TimeoutError):
            await writer.drain()
            while piece := await asyncio.wait_for(reader.read(65_536), silence_s):
                got += piece
        return got
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


AMBIGUOUS = {
    "a length and chunks": f"{INSIDE}Content-Length: 5\r\n{CHUNKED}\r\n0\r\n\r\n{SMUGGLED}",
    "chunks and a length": f"{INSIDE}{CHUNKED}Content-Length: 5\r\n\r\n0\r\n\r\n{SMUGGLED}",
    "two lengths": f"{INSIDE}Content-Length: 0\r\nContent-Length: 44\r\n\r\n{SMUGGLED}",
    "a list of lengths": f"{INSIDE}Content-Length: 0, 44\r\n\r\n{SMUGGLED}",
    "a length with a sign": f"{INSIDE}Content-Length: +0\r\n\r\n{SMUGGLED}",
    "a length below none": f"{INSIDE}Content-Length: -1\r\n\r\n{SMUGGLED}",
    "a length in hex": f"{INSIDE}Content-Length: 0x0\r\n\r\n{SMUGGLED}",
    "a length past all": f"{INSIDE}Content-Length: {'9' * 40}\r\n\r\n{SMUGGLED}",
    "chunks of another kind": f"{INSIDE}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    "chunks, spelt with a space": f"{INSIDE}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    "chunks in two headers": f"{INSIDE}{CHUNKED}{IDENTITY}\r\n0\r\n\r\n{SMUGGLED}",
    "a chunk past all": f"{INSIDE}{CHUNKED}\r\n{'F' * 17}\r\na\r\n0\r\n\r\n{SMUGGLED}",
    "a chunk below none": f"{INSIDE}{CHUNKED}\r\n-1\r\na\r\n0\r\n\r\n{SMUGGLED}",
    "a chunk without its end": f"{INSIDE}{CHUNKED}\r\n1\r\nab0\r\n\r\n{SMUGGLED}",
    "a folded header": f"{INSIDE}X-A: a\r\n Content-Length: 0\r\n\r\n{SMUGGLED}",
    "folded chunks": f"{INSIDE}Transfer-Encoding:\r\n chunked\r\n\r\n{SMUGGLED}",
    "a space before the colon": f"{INSIDE}Content-Length : 0\r\n\r\n{SMUGGLED}",
    "a bare return": f"{INSIDE}X-A: a\rContent-Length: 0\r\n\r\n{SMUGGLED}",
    "a zero byte": f"{INSIDE}X-A: a\0\r\nContent-Length: 0\r\n\r\n{SMUGGLED}",
    "a key with a bare return": f"{INSIDE}Idempotency-Key: a\rX: b\r\n{NONE}\r\n{SMUGGLED}",
    "no version": f"GET /v1/runs\r\n\r\n{SMUGGLED}",
    "an odd version": f"GET /v1/runs HTTP/9.9\r\n{HOST}\r\n{SMUGGLED}",
    "a space in the address": f"GET /v1/ runs HTTP/1.1\r\n{HOST}\r\n{SMUGGLED}",
    "a header without a name": f"{LIST}: a\r\n\r\n{SMUGGLED}",
    "no HTTP": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a method of a kind": f"G\x01T /v1/runs HTTP/1.1\r\n{HOST}\r\n{SMUGGLED}",
}


@pytest.mark.parametrize("sent", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_no_request_hides_in_another(app: FastAPI, web: httpx.AsyncClient, sent: str) -> None:
    before = await written(app)
    # One that is still waited for is no answer either.
    got = await told(web, sent.encode("latin-1"), silence_s=0.5)
    assert got.count(b"HTTP/1.1 ") <= 1, got
    assert b" 202 " not in got
    assert b" 500 " not in got
    assert await written(app) == before
    assert (await web.get("/health/live")).status_code == 200


async def test_two_requests_that_are_two_get_two_answers(web: httpx.AsyncClient) -> None:
    got = await told(web, f"{LIST}\r\n{LIST}Connection: close\r\n\r\n".encode())
    assert got.count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize(
    "head",
    [f"X-A: {'a' * 200_000}\r\n", "".join(f"X-{n}: a\r\n" for n in range(20_000))],
    ids=["long", "many"],
)
async def test_headers_without_end_are_not_kept(web: httpx.AsyncClient, head: str) -> None:
    got = await told(web, f"{LIST}{head}Connection: close\r\n\r\n".encode())
    assert b" 500 " not in got
    assert (await web.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("GET http://evil.example.com/v1/runs HTTP/1.1\r\nHost: evil.example.com\r\n", "not_local"),
        ("GET /v1/runs HTTP/1.1\r\nHost: evil.example.com\r\n", "not_local"),
        ("GET /v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example.com\r\n", "not_local"),
        (f"{LIST}Origin: https://evil.example.com\r\n", "not_local"),
        (f"{LIST}Origin: null\r\n", "not_local"),
        (f"{LIST}X-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Host: evil.example.com\r\n", ""),
        (f"GET /v1//runs HTTP/1.1\r\n{HOST}", "not_found"),
        (f"GET //v1/runs HTTP/1.1\r\n{HOST}", "not_found"),
        (f"GET /v1/runs/../runs HTTP/1.1\r\n{HOST}", "not_found"),
        (f"TRACE /v1/runs HTTP/1.1\r\n{HOST}", "method_not_allowed"),
        (f"CONNECT example.com:80 HTTP/1.1\r\n{HOST}", ""),
    ],
)
async def test_a_host_that_is_not_ours_is_refused(
    web: httpx.AsyncClient, line: str, code: str
) -> None:
    got = await told(web, f"{line}Connection: close\r\n\r\n".encode())
    assert b" 500 " not in got
    if code:
        assert f'"code":"{code}"'.encode() in got, got
        assert b"application/problem+json" in got


@pytest.mark.parametrize("known", ["-1", "x", "9" * 5000, "1e3", "\xff", "0x1", " ", "١"])
async def test_an_odd_last_event_id_begins_at_the_beginning(
    web: httpx.AsyncClient, known: str
) -> None:
    made = await web.post("/v1/runs", content=RUN, headers={"Content-Type": "application/json"})
    run = made.json()["run_id"]
    await web.post(f"/v1/runs/{run}/cancel")
    sent = known.encode("utf-8" if known == "١" else "latin-1")
    target = f"GET /v1/runs/{run}/events HTTP/1.1\r\n{HOST}Connection: close\r\nLast-Event-ID: "
    got = await told(web, target.encode() + sent + b"\r\n\r\n")
    assert b" 200 " in got.split(b"\r\n")[0], got
    assert b"event: run.queued" in got
    assert b"event: end" in got


async def test_clients_that_say_nothing_keep_nobody_else_waiting(web: httpx.AsyncClient) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", web.base_url.port) for _ in range(50)]
    try:
        for number, (_, writer) in enumerate(silent):
            writer.write(f"{INSIDE}Content-Length: 100\r\n\r\n{{".encode() if number % 2 else b"P")
        async with asyncio.timeout(5):
            assert (await web.get("/v1/runs")).json()["runs"] == []
    finally:
        for _, writer in silent:
            writer.close()
        for _, writer in silent:
            with suppress(ConnectionError):
                await writer.wait_closed()
