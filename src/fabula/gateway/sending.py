"""The last look before a request goes out: a process that slept since its claim sends nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Look = Callable[[], Awaitable[None]]

_look: ContextVar[Look | None] = ContextVar("fabula_look", default=None)


@contextmanager
def looking(look: Look) -> Iterator[None]:
    """Have `look` awaited before each request that is sent inside; what it raises stops that."""
    token = _look.set(look)
    try:
        yield
    finally:
        _look.reset(token)


async def look_before_sending(request: Any) -> None:
    """Look again when the request's connection stands: an httpx `request` hook."""
    look = _look.get()
    if look is None:
        return

    async def trace(event: str, info: Any) -> None:  # noqa: ARG001 - httpcore's signature
        if event.endswith(".send_request_headers.started"):
            await look()

    request.extensions["trace"] = trace
