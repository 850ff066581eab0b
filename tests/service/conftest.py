"""The service in this process, and what its tests ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fabula.service import create_app
from fabula.settings import Settings
from fabula.testing.echo import ECHO

ECHO_RUN = {"product": "echo", "brief": {"text": "가을 산책", "count": 2}}


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Open the application and a client of it."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", sweep_s=0.05)


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings, products={"echo": ECHO})


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(app) as client:
        yield client


Ended = Callable[[httpx.AsyncClient, str], Awaitable[dict[str, Any]]]


@pytest.fixture
def ended() -> Ended:
    """Wait until a run is over; return it."""

    async def wait(client: httpx.AsyncClient, run: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                seen: dict[str, Any] = (await client.get(f"/v1/runs/{run}")).json()
                if seen["status"] not in ("queued", "running"):
                    return seen
                await asyncio.sleep(0.02)

    return wait
