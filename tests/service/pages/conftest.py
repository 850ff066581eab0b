"""Pages asked for as a browser asks: forms, a cookie, the headers that a browser sends."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from fabula.service import auth
from fabula.store.engine import Store

OWN = {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember no key: the tests make and revoke some."""
    monkeypatch.setattr(auth, "UNUSED_S", 0.0)
    monkeypatch.setattr(auth, "REMEMBERED_S", 0.0)


@pytest.fixture
async def store(api: httpx.AsyncClient, app: FastAPI) -> Store:
    opened: Store = app.state.service.store
    return opened


@pytest.fixture
async def browser(api: httpx.AsyncClient, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client that keeps cookies and names its own origin."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=OWN
    ) as client:
        yield client


def words(answer: httpx.Response) -> str:
    """Return a page's text without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))
