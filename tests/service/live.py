"""The service behind a real socket, in this process."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from fabula.gateway.provider import ChatRequest
from fabula.service import create_app
from fabula.service.serving import Server
from fabula.settings import Settings
from fabula.testing.echo import ECHO
from fabula.testing.scripted import ScriptedModel, scripted_provider

ECHO_RUN = {"product": "echo", "brief": {"text": "가을 산책", "count": 2}}


@asynccontextmanager
async def live(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the application on a free port; yield a client."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    port = listening.getsockname()[1]
    async with app.router.lifespan_context(app):
        server = Server(app)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        limits = httpx.Limits(max_connections=None)
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=30
            ) as client:
                yield client
        finally:
            app.state.service.hub.drain()
            server.should_exit = True
            await serving
            listening.close()


async def parsed(chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """Yield each event of a stream: its id, its name, its data."""
    waiting = b""
    async for chunk in chunks:
        waiting += chunk
        *whole, waiting = waiting.split(b"\n\n")
        for frame in whole:
            fields = dict(
                line.split(": ", 1) for line in frame.decode().splitlines() if line[:1] != ":"
            )
            if "event" in fields:
                data = json.loads(fields["data"])
                yield {"id": fields.get("id"), "event": fields["event"], "data": data}


def slow_echo(settings: Settings, *, latency_s: float) -> FastAPI:
    """Make a service whose every call takes so long."""
    model = ScriptedModel(default=_answer, latency_s=latency_s)
    return create_app(
        settings, products={"echo": ECHO}, providers={"offline": scripted_provider(model)}
    )


def _answer(request: ChatRequest) -> object:
    return {"title": "가을"} if request.agent == "echo.plan" else {"text": f"글 {request.item}"}


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Open the application and a client that needs no socket."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", timeout=70
        ) as client:
            yield client


async def posted(api: httpx.AsyncClient, **given: Any) -> str:
    """Ask for a run, of the echo product where nothing else is said; return its id."""
    answer = await api.post("/v1/runs", json={**ECHO_RUN, **given})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run_id"])


async def ended(api: httpx.AsyncClient, run: str) -> dict[str, Any]:
    """Wait until a run rests; return it."""
    answer = await api.get(f"/v1/runs/{run}", params={"wait": 60})
    seen: dict[str, Any] = answer.json()
    assert seen["status"] not in ("queued", "running"), seen
    return seen
