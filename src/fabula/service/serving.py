"""Run the application under uvicorn, and drain it when the process is asked to end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import uvicorn

from fabula.errors import BadInput
from fabula.service.auth import check_bind

if TYPE_CHECKING:
    from fastapi import FastAPI

LAST_ANSWERS_S = 15
"""How long requests may take to end once the process was asked to; runs have their own time."""
BACKLOG = 2048


class Server(uvicorn.Server):
    """A uvicorn that leaves signals to whoever runs it and says when it listens."""

    def __init__(self, app: FastAPI, ready: Callable[[], None] = lambda: None) -> None:
        # The lifespan is the caller's: an error while opening is then the caller's to tell.
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=LAST_ANSWERS_S,
        )
        super().__init__(config)
        self._ready = ready

    def capture_signals(self) -> Any:
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


async def serve(
    app: FastAPI, *, host: str, port: int, ready: Callable[[str, bool], None] = lambda *_: None
) -> None:
    """Serve until SIGINT or SIGTERM, then drain; `ready` is told the address and if keys count.

    Raises BadInput where the address cannot be had, or where it is no loopback address though
    there is no API key.
    """
    async with app.router.lifespan_context(app):
        service = app.state.service
        locked = await service.gate.keys.in_use()
        check_bind(host, in_use=locked)
        listening = await asyncio.to_thread(_bound, host, port)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}"
        server = Server(app, lambda: ready(address, locked))
        draining: list[asyncio.Task[None]] = []

        def stop() -> None:
            server.force_exit = server.should_exit
            server.should_exit = True
            service.hub.drain()
            if service.pool and not draining:
                draining.append(asyncio.create_task(service.pool.close()))

        try:
            with _signals(stop):
                await server.serve(sockets=[listening])
                for task in draining:
                    await task
        finally:
            listening.close()


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM)
    for number in wanted:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


def _bound(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(BACKLOG)
        except BaseException:
            made.close()
            raise
    except OSError as error:
        raise BadInput(
            "--port",
            f"{host}:{port} cannot be listened on: {error.strerror}; name another port",
            f"{host}:{port}에서 받을 수 없습니다: {error.strerror}. 다른 포트를 주세요",
        ) from None
    return made
