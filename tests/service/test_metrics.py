from __future__ import annotations

import asyncio
import shutil
import subprocess

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from fabula.runs.metrics import Metrics
from fabula.store.keys import create_key
from tests.service.conftest import ECHO_RUN, Ended


async def samples(api: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (one.name, *(f"{key}={value}" for key, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
    }


async def test_a_run_leaves_its_figures(api: httpx.AsyncClient, ended: Ended) -> None:
    run = (await api.post("/v1/runs", json=ECHO_RUN)).json()["run_id"]
    await ended(api, run)
    async with asyncio.timeout(10):
        while True:
            seen = await samples(api)
            on = ("product=echo", "status=succeeded")
            if seen.get(("fabula_run_duration_seconds_count", *on)):
                break
            await asyncio.sleep(0.02)
    assert seen["fabula_calls_total", "model=offline:offline", "product=echo"] == 3
    steps = ("fabula_step_duration_seconds_count", "product=echo", "status=done")
    assert seen[(*steps, "step=write")] == 2
    posted = ("method=POST", "route=/v1/runs", "status=202")
    assert seen["fabula_http_requests_total", *posted] == 1
    assert seen["fabula_queue_runs", "queue=batch", "status=queued"] == 0
    assert seen["fabula_runs_executing",] == 0
    assert not any(run in part for key in seen for part in key)


async def test_the_queue_is_shown_by_depth_and_age(api: httpx.AsyncClient) -> None:
    for _ in range(3):
        await api.post("/v1/runs", json={**ECHO_RUN, "after_seconds": 3600})
    seen = await samples(api)
    assert seen["fabula_queue_runs", "queue=batch", "status=queued"] == 3
    assert seen["fabula_queue_oldest_seconds", "queue=batch"] == 0, "nothing of it is due"


async def test_paths_that_do_not_exist_are_one_route(api: httpx.AsyncClient) -> None:
    for number in range(5):
        await api.get(f"/nothing/{number}")
        await api.get(f"/v1/runs/unknown-{number}")
        await api.request(f"ODD{number}", "/nothing")
    seen = await samples(api)
    name = "fabula_http_requests_total"
    for method, route in (("GET", "unmatched"), ("GET", "/v1/runs/{run}"), ("other", "unmatched")):
        assert seen[name, f"method={method}", f"route={route}", "status=404"] == 5


async def test_open_streams_are_counted(app: FastAPI, api: httpx.AsyncClient) -> None:
    made = await api.post("/v1/runs", json={**ECHO_RUN, "after_seconds": 3600})
    run = made.json()["run_id"]
    metrics = app.state.metrics
    stream = asyncio.create_task(api.get(f"/v1/runs/{run}/events"))
    await _until(metrics, 1)
    await api.post(f"/v1/runs/{run}/cancel")
    await stream
    await _until(metrics, 0)


async def _until(metrics: Metrics, wanted: float) -> None:
    async with asyncio.timeout(10):
        while True:
            if metrics.registry.get_sample_value("fabula_sse_clients") == wanted:
                return
            await asyncio.sleep(0.01)


async def test_with_keys_in_use_the_figures_need_one(app: FastAPI, api: httpx.AsyncClient) -> None:
    _, token = await create_key(app.state.service.store, owner="ann", rate=1)
    await asyncio.sleep(1.1)
    assert (await api.get("/metrics")).status_code == 401
    # A scraper comes all the time: it uses up no requests.
    for _ in range(4):
        seen = await api.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert seen.status_code == 200


async def test_prometheus_own_checker_has_no_complaint(
    app: FastAPI, api: httpx.AsyncClient, ended: Ended
) -> None:
    checker = shutil.which("promtool")
    if checker is None:
        pytest.skip("there is no `promtool` here: apt install prometheus")
    await ended(api, (await api.post("/v1/runs", json=ECHO_RUN)).json()["run_id"])
    app.state.metrics.first_token("persona", "local:m", 0.3)
    app.state.metrics.webhook("delivered")
    shown = await api.get("/metrics")
    done = await asyncio.to_thread(
        subprocess.run,
        [checker, "check", "metrics"],
        input=shown.content,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
