"""A TCP proxy that cuts a connection at the byte where a test wants it cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

Verdict = Literal["pass", "cut_before", "cut_after"]
CHUNK = 65_536


class Proxy:
    """Pass bytes on to a loopback port, and ask `judge` about each chunk that a client sends.

    `cut_before` closes the connection with the chunk unsent, `cut_after` once it is sent, so that
    its answer is lost.
    """

    def __init__(self, port: int, judge: Callable[[bytes], Verdict]) -> None:
        self._target = port
        self._judge = judge
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server  # noqa: S101 - it was entered
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        back = asyncio.ensure_future(_pump(far_reader, writer))
        try:
            await self._forward(reader, far_writer, back)
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for one in (writer, far_writer):
                one.close()

    async def _forward(
        self, reader: asyncio.StreamReader, far: asyncio.StreamWriter, back: asyncio.Task[None]
    ) -> None:
        while data := await reader.read(CHUNK):
            verdict = self._judge(data)
            if verdict == "cut_before":
                return
            if verdict == "cut_after":
                back.cancel()
            far.write(data)
            await far.drain()
            if verdict == "cut_after":
                return


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()
