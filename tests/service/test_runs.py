"""Asking for runs, waiting for them, listing them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import httpx
import pytest

from fabula.settings import Settings
from tests.service.live import ended, posted, serving, slow_echo

ECHO = {"product": "echo", "brief": {"text": "가을 산책", "count": 2}}


async def test_the_example_of_each_product_runs_to_its_end(api: httpx.AsyncClient) -> None:
    for name in ("magazine", "echo"):
        example = (await api.get(f"/v1/products/{name}")).json()["example"]
        made = await api.post("/v1/runs", json={"product": name, "brief": example})
        seen = (await api.get(made.headers["location"], params={"wait": 60})).json()
        assert (seen["status"], seen["outcome"]) == ("succeeded", "complete"), seen
        assert seen["result"]["status"] == "complete"
        assert {one["name"] for one in seen["artifacts"]} >= {"run.json"}
        assert seen["progress"]["done"] == seen["progress"]["total"]


async def test_the_answer_names_no_place_of_the_server(
    api: httpx.AsyncClient, settings: Settings
) -> None:
    example = (await api.get("/v1/products/magazine")).json()["example"]
    run = await posted(api, product="magazine", brief=example)
    await ended(api, run)
    for address in (f"/v1/runs/{run}", "/v1/runs", f"/v1/runs/{run}/artifacts"):
        assert str(settings.home) not in (await api.get(address)).text


async def test_flags_profile_budget_and_project_arrive(api: httpx.AsyncClient) -> None:
    given = {
        "flags": {"writers": 2},
        "profile": "offline",
        "budget": 0.5,
        "project": "책",
        "thread": "1권",
        "timeout_s": 60,
        "queue": "interactive",
    }
    seen = (await api.post("/v1/runs", json={**ECHO, **given})).json()
    flags = seen.pop("flags")
    assert flags["writers"] == 2
    assert {name: seen[name] for name in given if name != "flags"} == {
        name: value for name, value in given.items() if name != "flags"
    }


async def test_twenty_posts_at_once_with_one_key_make_one_run(api: httpx.AsyncClient) -> None:
    header = {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(
        *(api.post("/v1/runs", json=ECHO, headers=header) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert len((await api.get("/v1/runs")).json()["runs"]) == 1


async def test_a_run_asked_for_twice_leaves_no_second_folder(
    api: httpx.AsyncClient, settings: Settings
) -> None:
    for _ in range(3):
        await api.post("/v1/runs", json=ECHO, headers={"Idempotency-Key": "k"})
    assert len(list((settings.home / "published").iterdir())) == 1


async def test_a_key_used_for_another_body_is_a_conflict(api: httpx.AsyncClient) -> None:
    header = {"Idempotency-Key": "k1"}
    first = (await api.post("/v1/runs", json=ECHO, headers=header)).json()
    other = await api.post("/v1/runs", json={**ECHO, "project": "other"}, headers=header)
    assert other.status_code == 409
    problem = other.json()
    assert (problem["code"], problem["run"]) == ("idempotency_conflict", first["run_id"])


async def test_a_threads_second_active_run_is_a_conflict(api: httpx.AsyncClient) -> None:
    body = {**ECHO, "thread": "book", "after_seconds": 100}
    first = (await api.post("/v1/runs", json=body)).json()
    second = await api.post("/v1/runs", json=body)
    assert (second.status_code, second.json()["code"]) == (409, "thread_active")
    assert second.json()["run"] == first["run_id"]
    await api.post(f"/v1/runs/{first['run_id']}/cancel")
    assert (await api.post("/v1/runs", json=body)).status_code == 202


async def test_a_delayed_run_is_queued_until_its_time(api: httpx.AsyncClient) -> None:
    run = await posted(api, after_seconds=1.0)
    seen = (await api.get(f"/v1/runs/{run}")).json()
    assert seen["status"] == "queued"
    assert seen["not_before"] > seen["created_at"]
    done = await ended(api, run)
    assert done["status"] == "succeeded"
    assert done["started_at"] >= seen["not_before"]


async def test_wait_answers_when_the_run_ends(settings: Settings) -> None:
    async with serving(slow_echo(settings, latency_s=0.3)) as api:
        run = await posted(api)
        began = time.monotonic()
        seen = (await api.get(f"/v1/runs/{run}", params={"wait": 30})).json()
        assert seen["status"] == "succeeded"
        assert time.monotonic() - began < 10


async def test_wait_answers_in_time_though_the_run_goes_on(api: httpx.AsyncClient) -> None:
    run = await posted(api, after_seconds=100)
    began = time.monotonic()
    seen = (await api.get(f"/v1/runs/{run}", params={"wait": 0.3})).json()
    assert seen["status"] == "queued"
    assert 0.3 <= time.monotonic() - began < 5


@pytest.mark.parametrize("wait", ["-1", "61", "x", "nan", "inf"])
async def test_a_wait_that_is_no_time_is_refused(api: httpx.AsyncClient, wait: str) -> None:
    run = await posted(api, after_seconds=100)
    answer = await api.get(f"/v1/runs/{run}", params={"wait": wait})
    assert (answer.status_code, answer.json()["field"]) == (422, "wait")


async def test_pages_hold_every_run_once_while_new_ones_come(api: httpx.AsyncClient) -> None:
    made = [await posted(api, after_seconds=1000) for _ in range(200)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params: dict[str, Any] = {"limit": 7, **({"cursor": cursor} if cursor else {})}
        page = (await api.get("/v1/runs", params=params)).json()
        seen += [one["run_id"] for one in page["runs"]]
        cursor = page["next"]
        if cursor is None:
            break
        await posted(api, after_seconds=1000)
    assert max(Counter(seen).values()) == 1
    assert set(made) <= set(seen)
    assert seen[-len(made) :] == sorted(made, key=made.index, reverse=True)


async def test_lists_are_filtered(api: httpx.AsyncClient) -> None:
    mine = await posted(api, project="mine", thread="t", after_seconds=1000)
    other = await posted(api, project="other", after_seconds=1000)
    await api.post(f"/v1/runs/{other}/cancel")
    for params, wanted in (
        ({"project": "mine"}, {mine}),
        ({"thread": "t"}, {mine}),
        ({"status": "cancelled"}, {other}),
        ({"status": ["cancelled", "queued"]}, {mine, other}),
        ({"product": "echo"}, {mine, other}),
        ({"product": "magazine"}, set()),
    ):
        page = (await api.get("/v1/runs", params=params)).json()
        assert {one["run_id"] for one in page["runs"]} == wanted, params


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cursor", "nonsense"),
        ("cursor", "7ff8000000000000r1"),
        ("cursor", "41dac1c0a0000000"),
        ("limit", "0"),
        ("limit", "201"),
        ("status", "done"),
        ("project", "a b"),
        ("thread", "\x00"),
        ("product", "[]"),
    ],
)
async def test_a_filter_that_is_none_is_refused_by_name(
    api: httpx.AsyncClient, name: str, value: str
) -> None:
    answer = await api.get("/v1/runs", params={name: value})
    assert answer.status_code == 422
    assert answer.json()["field"].partition(".")[0] == name
