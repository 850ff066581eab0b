"""A webhook from the request for a run to what its receiver checks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fabula.runs.signing import webhook_secret_of
from fabula.service import create_app
from fabula.settings import Settings
from fabula.store.tables import LOCAL
from fabula.testing.echo import ECHO
from tests.service.conftest import ECHO_RUN, serving

Told = list[tuple[dict[str, str], bytes]]


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[int, Told]]:
    """Answer each request with 204 and keep it."""
    told: Told = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        told.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], told
    server.close()
    await asyncio.gather(*tasks)


async def test_a_run_tells_its_webhook_and_the_log_says_so(
    tmp_path: Path, receiver: tuple[int, Told]
) -> None:
    port, told = receiver
    settings = Settings(
        home=tmp_path / "home",
        sweep_s=0.05,
        webhook_secret=SecretStr("a-secret-of-the-operator"),
        fetch_private_hosts=(f"127.0.0.1:{port}",),
    )
    async with serving(create_app(settings, products={"echo": ECHO})) as api:
        asked = {**ECHO_RUN, "webhook": f"http://127.0.0.1:{port}/hook"}
        run = (await api.post("/v1/runs", json=asked)).json()["run_id"]
        only = await _delivered(api, run)
    ((headers, body),) = told
    assert json.loads(body)["status"] == "succeeded"
    stamp, secret = headers["fabula-timestamp"], webhook_secret_of(settings, LOCAL)
    wanted = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["fabula-signature"] == f"v1={wanted}"
    assert (only["delivery_id"], only["event"]) == (headers["fabula-delivery"], "run.succeeded")
    assert [(one["number"], one["status"]) for one in only["tries"]] == [(1, 204)]


async def _delivered(api: httpx.AsyncClient, run: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found = (await api.get(f"/v1/runs/{run}/deliveries")).json()["deliveries"]
            if found and found[0]["state"] == "delivered":
                first: dict[str, Any] = found[0]
                return first
            await asyncio.sleep(0.05)


async def test_without_a_secret_a_webhook_is_refused_by_the_settings_name(
    api: httpx.AsyncClient,
) -> None:
    refused = await api.post("/v1/runs", json={**ECHO_RUN, "webhook": "https://example.com/x"})
    seen = refused.json()
    assert (refused.status_code, seen["field"]) == (422, "webhook")
    assert "FABULA_WEBHOOK_SECRET" in seen["detail"]
    assert (await api.get("/v1/runs")).json()["runs"] == []
