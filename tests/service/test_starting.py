from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

Ended = Callable[[httpx.AsyncClient, str], Awaitable[dict[str, Any]]]
ECHO_RUN = {"product": "echo", "brief": {"text": "가을 산책", "count": 2}}


async def test_a_posted_run_is_accepted_and_then_executed(
    api: httpx.AsyncClient, ended: Ended
) -> None:
    answer = await api.post("/v1/runs", json=ECHO_RUN)
    made = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/runs/{made['run_id']}"
    assert made["status"] in ("queued", "running")
    assert (await ended(api, made["run_id"]))["status"] == "succeeded"
