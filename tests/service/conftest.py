"""The service in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fabula.service import create_app
from fabula.settings import Settings
from fabula.testing.echo import ECHO
from tests.service import live
from tests.service.live import ECHO_RUN, serving

__all__ = ["ECHO_RUN", "Ended", "serving"]

Ended = Callable[[httpx.AsyncClient, str], Awaitable[dict[str, Any]]]


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


@pytest.fixture
def ended() -> Ended:
    """Wait until a run rests; return it."""
    return live.ended
