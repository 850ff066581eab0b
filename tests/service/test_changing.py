"""Changes of finished runs, and what runs cost, over HTTP."""

from __future__ import annotations

import httpx
import pytest

from fabula.errors import BadInput
from fabula.runs.queue import queueing
from tests.service.live import ended, posted


@pytest.fixture
async def finished(api: httpx.AsyncClient) -> str:
    example = (await api.get("/v1/products/magazine")).json()["example"]
    run = await posted(api, product="magazine", brief=example)
    await ended(api, run)
    return run


async def test_a_change_is_planned_without_being_made(
    api: httpx.AsyncClient, finished: str
) -> None:
    body = {"request": {"section_id": "s2"}}
    address = f"/v1/runs/{finished}/changes/rewrite"
    answer = await api.post(address, params={"dry_run": True}, json=body)
    plan = answer.json()
    assert answer.status_code == 200
    assert (plan["parent"], plan["change"]) == (finished, "rewrite")
    assert plan["does"]["ko"]
    assert plan["estimate"]["calls"] == 1
    assert len((await api.get("/v1/runs")).json()["runs"]) == 1


async def test_a_change_is_a_run_with_a_parent_that_pays_for_one_section(
    api: httpx.AsyncClient, finished: str
) -> None:
    body = {"request": {"section_id": "s2", "note": "더 짧게"}, "queue": "interactive"}
    made = await api.post(f"/v1/runs/{finished}/changes/rewrite", json=body)
    assert made.status_code == 202
    seen = (await api.get(made.headers["location"], params={"wait": 60})).json()
    assert (seen["status"], seen["parent"], seen["change"]) == ("succeeded", finished, "rewrite")
    assert seen["calls"] >= 1
    assert len(seen["kept"]) >= 5
    assert seen["queue"] == "interactive"


async def test_the_same_key_makes_one_change(api: httpx.AsyncClient, finished: str) -> None:
    body = {"request": {"section_id": "s2"}}
    address, header = f"/v1/runs/{finished}/changes/rewrite", {"Idempotency-Key": "c"}
    first = await api.post(address, json=body, headers=header)
    second = await api.post(address, json=body, headers=header)
    assert first.json()["run_id"] == second.json()["run_id"]
    other = {"request": {"section_id": "s3"}}
    assert (await api.post(address, json=other, headers=header)).status_code == 409


async def test_a_change_sent_again_gives_its_run_though_it_could_not_be_made_now(
    api: httpx.AsyncClient, finished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise BadInput("section_id", "is gone")

    body = {"request": {"section_id": "s2"}}
    address, header = f"/v1/runs/{finished}/changes/rewrite", {"Idempotency-Key": "c"}
    first = await api.post(address, json=body, headers=header)
    monkeypatch.setattr(queueing, "prepare", refuse)
    again = await api.post(address, json=body, headers=header)
    assert (again.status_code, again.json()["run_id"]) == (202, first.json()["run_id"])
    assert (await api.post(address, json=body)).status_code == 422


@pytest.mark.parametrize(
    ("change", "request_", "status", "field"),
    [
        ("nothing", {"section_id": "s2"}, 404, "change"),
        ("rewrite", {}, 422, "section_id"),
        ("rewrite", {"section_id": "s99"}, 422, "section_id"),
        ("rewrite", {"section_id": "s2", "more": 1}, 422, "more"),
        ("rewrite", [], 422, "request"),
        ("change_template", {"template_id": "nothing"}, 422, "template_id"),
    ],
)
async def test_a_change_that_cannot_be_made_is_refused_by_its_field(
    api: httpx.AsyncClient,
    finished: str,
    *,
    change: str,
    request_: object,
    status: int,
    field: str,
) -> None:
    answer = await api.post(f"/v1/runs/{finished}/changes/{change}", json={"request": request_})
    assert (answer.status_code, answer.json()["field"]) == (status, field)


async def test_only_a_finished_run_can_be_changed(api: httpx.AsyncClient) -> None:
    example = (await api.get("/v1/products/magazine")).json()["example"]
    run = await posted(api, product="magazine", brief=example, after_seconds=100)
    body = {"request": {"section_id": "s2"}}
    answer = await api.post(f"/v1/runs/{run}/changes/rewrite", json=body)
    assert (answer.status_code, answer.json()["field"]) == (409, "run")


async def test_the_cost_names_every_agent(api: httpx.AsyncClient, finished: str) -> None:
    report = (await api.get(f"/v1/runs/{finished}/cost")).json()
    assert report["run_id"] == finished
    assert [one["agent"] for one in report["agents"]] == ["magazine.compose"]
    assert report["calls"] == sum(one["calls"] for one in report["agents"])
    assert report["estimate"]["calls"]["true"] == report["calls"]


async def test_an_estimate_writes_nothing(api: httpx.AsyncClient) -> None:
    example = (await api.get("/v1/products/magazine")).json()["example"]
    body = {"product": "magazine", "brief": example, "flags": {"mode": "multi_stage"}}
    made = (await api.post("/v1/estimate", json=body)).json()
    assert made["calls"] > 1
    assert made["calls_most"] >= made["calls"]
    assert {line["agent"] for line in made["lines"]} >= {"magazine.outline"}
    assert (await api.get("/v1/runs")).json()["runs"] == []


async def test_products_are_told_with_schemas_drawing_and_example(api: httpx.AsyncClient) -> None:
    listed = (await api.get("/v1/products")).json()["products"]
    assert [one["name"] for one in listed] == ["echo", "magazine"]
    for one in listed:
        seen = (await api.get(one["url"])).json()
        assert seen["brief"]["additionalProperties"] is False
        assert seen["mermaid"].startswith(("---", "graph", "flowchart"))
        assert seen["example"]
    assert set(seen["changes"]) == {"change_template", "rewrite"}
    answer = await api.get("/v1/products/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_product")
