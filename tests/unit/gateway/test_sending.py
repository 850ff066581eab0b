"""What is looked at before a request goes out, in each adapter that sends one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fabula.errors import FabulaError
from fabula.gateway.gemini import gemini_provider
from fabula.gateway.openai import openai_provider
from fabula.gateway.provider import ChatProvider, ChatRequest, Message
from fabula.gateway.sending import looking
from fabula.testing.loopback import LoopbackServer

REQUEST = ChatRequest("a", "a", 0, "m", (Message("user", "글"),), {}, "a", 0, 100, None)


class Gone(FabulaError):
    """Stop a request."""


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(answer=lambda _: {"text": "글"}) as running:
        yield running


def provider(kind: str, server: LoopbackServer) -> ChatProvider:
    given: dict[str, Any] = {"model": "m", "api_key": "none", "timeout_s": 5.0}
    if kind == "gemini":
        return gemini_provider(base_url=server.google_base_url, **given)
    return openai_provider(base_url=server.base_url, **given)


@pytest.mark.parametrize("kind", ["openai", "gemini"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_request_that_is_refused_at_the_last_look_never_leaves(
    kind: str, streamed: bool, server: LoopbackServer
) -> None:
    looked: list[int] = []

    async def allow() -> None:
        looked.append(len(server.calls))

    async def refuse() -> None:
        raise Gone("gone", "gone")

    async def hear(_: str) -> None: ...

    on_token = hear if streamed else None
    asked = provider(kind, server)
    with looking(allow):
        await asked.complete(REQUEST, on_token)
    assert (looked, len(server.calls)) == ([0], 1)
    # Each adapter may clothe what was raised; nothing was sent.
    with looking(refuse), pytest.raises(Exception):  # noqa: B017, PT011
        await asked.complete(REQUEST, on_token)
    assert len(server.calls) == 1
    await asked.complete(REQUEST, on_token)
    assert len(server.calls) == 2
