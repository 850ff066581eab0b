"""A server on loopback that answers as told, and the guard pointed at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import httpx

from fabula.safety.fetch import Fetched, GuardedFetch, Patience

PUBLIC = "93.184.216.34"
HTML = frozenset({"text/html"})
Handler = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
IMPATIENT = Patience(connect_s=0.5, silence_s=0.3, whole_s=1.0)


def names(table: Mapping[str, Sequence[str]]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        if host not in table:
            raise OSError("no such name")
        return table[host]

    return resolve


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[int]:
    """Serve on loopback; the handler gets the request's target and both streams."""

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            await handler(head, reader, writer)
            await writer.drain()
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    taken: list[asyncio.BaseTransport] = []

    class Taken(asyncio.StreamReaderProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            taken.append(transport)
            super().connection_made(transport)

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: Taken(asyncio.StreamReader(), serve), "127.0.0.1", 0
    )
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        # A connection taken just now needs some rounds of the loop, not some time, until its task
        # runs and can be ended; one that never ran would leave its socket open.
        for _ in range(20):
            await asyncio.sleep(0)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)
        for transport in taken:
            assert isinstance(transport, asyncio.WriteTransport)
            transport.abort()
        await asyncio.sleep(0)


def answer(
    body: bytes = b"<p>hi</p>", *, status: str = "200 OK", kind: str = "text/html", **more: str
) -> Handler:
    async def handler(
        head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **more}
        lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items() if v)
        writer.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)

    return handler


def opened(port: int, *, patience: Patience | None = None) -> GuardedFetch:
    return GuardedFetch(private_hosts=[f"127.0.0.1:{port}"], patience=patience)


async def got(port: int, *, most: int = 10_000, patience: Patience | None = None) -> Fetched:
    fetch = opened(port, patience=patience)
    return await fetch(f"http://127.0.0.1:{port}/a", accept=HTML, most=most)


class Recorder(httpx.AsyncBaseTransport):
    """Stand in for the connection: keep what would have been connected to, answer in order."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = iter(answers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return next(self._answers)


def page(status: int = 200, **headers: str) -> httpx.Response:
    given = {"content-type": "text/html; charset=EUC-KR", **headers}
    sent = [(name.encode(), value.encode()) for name, value in given.items()]
    return httpx.Response(status, headers=sent, stream=httpx.ByteStream(b"<p>hi</p>"))
