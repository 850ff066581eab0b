"""What the guard takes: sizes, packings, types, statuses, slowness, against real sockets."""

from __future__ import annotations

import asyncio
import gc
import gzip
import time
import warnings
import zlib
from collections.abc import Iterator, Sequence

import pytest

from fabula.errors import BadInput
from fabula.safety.fetch import GuardedFetch, Patience
from tests.unit.safety.fetching import (
    HTML,
    IMPATIENT,
    PUBLIC,
    Handler,
    answer,
    got,
    server,
)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_huge_body_is_refused_and_not_read_to_its_end(declared: bool) -> None:
    sent = 0

    async def huge(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        length = "Content-Length: 900000000\r\n" if declared else ""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{length}\r\n".encode())
        for _ in range(200):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async with server(huge) as port:
        with pytest.raises(BadInput, match="more than 10,000 bytes"):
            await got(port)
    assert sent < 20_000_000


@pytest.mark.parametrize("length", ["9" * 5_000, "-1", "ten"])
async def test_a_nonsense_length_does_no_harm(length: str) -> None:
    async with server(answer(Content_Length=length)) as port:
        with pytest.raises(BadInput):
            await got(port)


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
async def test_a_bomb_is_refused_while_it_unpacks(packing: str) -> None:
    zeros = b"\0" * 50_000_000
    bomb = gzip.compress(zeros) if packing == "gzip" else zlib.compress(zeros)
    assert len(bomb) < 60_000
    async with server(answer(bomb, Content_Encoding=packing)) as port:
        with pytest.raises(BadInput, match="more than 100,000 bytes"):
            await got(port, most=100_000)


@pytest.mark.parametrize("packing", ["gzip", "deflate", "bare deflate", "identity"])
async def test_a_packed_body_is_unpacked(packing: str) -> None:
    body = "<p>봄</p>".encode() * 500
    bare = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(body),
        "deflate": zlib.compress(body),
        "bare deflate": bare.compress(body) + bare.flush(),
        "identity": body,
    }[packing]
    async with server(answer(packed, Content_Encoding=packing.rpartition(" ")[2])) as port:
        assert (await got(port)).data == body


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip"])
async def test_what_cannot_be_unpacked_within_limits_is_refused(packing: str) -> None:
    async with server(answer(Content_Encoding=packing)) as port:
        with pytest.raises(BadInput, match="packed"):
            await got(port)


@pytest.mark.parametrize(
    "body",
    [
        b"no gzip at all",
        gzip.compress(b"<p>hi</p>" * 99)[:-12],
        gzip.compress(b"<p>a</p>") + gzip.compress(b"<p>b</p>"),
        b"",
    ],
)
async def test_a_damaged_packed_body_is_refused(body: bytes) -> None:
    async with server(answer(body, Content_Encoding="gzip")) as port:
        with pytest.raises(BadInput, match="damaged"):
            await got(port)


@pytest.mark.parametrize("kind", ["application/zip", "image/png", "", "application/octet-stream"])
async def test_a_type_that_was_not_asked_for_is_refused(kind: str) -> None:
    async with server(answer(kind=kind)) as port:
        with pytest.raises(BadInput, match="of the type"):
            await got(port)


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "204 No Content", "206 Partial"])
async def test_a_status_other_than_200_is_refused(status: str) -> None:
    async with server(answer(b"", status=status)) as port:
        with pytest.raises(BadInput, match=f"answers {status[:3]}"):
            await got(port)


async def drip_head(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(100):
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.1)


async def drip_body(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\n")
    for _ in range(100):
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.1)


async def silence(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3)


async def stall(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nab")
    await writer.drain()
    await asyncio.sleep(3)


async def linger(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.2)
    await answer(b"", status="302 Found", Location="/on")(head, reader, writer)


@pytest.fixture
def left_by_deadlines() -> Iterator[None]:
    """Collect what httpx leaves of a connection that a deadline cuts while it is being made.

    It closes with the garbage, and says so with a warning, in whichever test that happens.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.usefixtures("left_by_deadlines")
@pytest.mark.parametrize("slow", [drip_head, drip_body, silence, stall, linger])
async def test_a_slow_server_does_not_hold_us(slow: Handler) -> None:
    patience = Patience(connect_s=0.5, silence_s=0.3, whole_s=0.7)
    begun = time.monotonic()
    async with server(slow) as port:
        with pytest.raises(BadInput, match=r"in time|took more than 0\.7 s"):
            await got(port, patience=patience)
        assert time.monotonic() - begun < 1.5


async def test_a_slow_resolver_does_not_hold_us() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return [PUBLIC]

    fetch = GuardedFetch(resolve=never, patience=IMPATIENT)
    with pytest.raises(BadInput, match="took more than 1 s"):
        await fetch("http://example.com/", accept=HTML, most=1_000)


async def test_a_body_that_ends_early_is_refused() -> None:
    async with server(answer(b"short", Content_Length="500")) as port:
        with pytest.raises(BadInput, match="cannot be read"):
            await got(port)


async def test_nothing_of_ours_is_sent_along(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[str] = []

    async def keep(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head.lower())
        moved = answer(status="302 Found", Location="/b", Set_Cookie="id=1")
        await (moved if len(heads) == 1 else answer())(head, reader, writer)

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with server(keep) as port:
        await got(port)
    assert len(heads) == 2
    assert not any(
        name in head for head in heads for name in ("cookie:", "referer:", "authorization:")
    )


@pytest.mark.usefixtures("left_by_deadlines")
async def test_cancelling_is_passed_on() -> None:
    async with server(silence) as port:
        task = asyncio.create_task(got(port))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
