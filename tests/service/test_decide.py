"""A run that asks a person, over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, TypedDict

import httpx
import pytest

from fabula.documents import Strict
from fabula.nodes import Replacements, Services, decide
from fabula.nodes.services import Update
from fabula.service import create_app
from fabula.settings import Settings
from fabula.testing.echo import ECHO, EchoFlags, EchoResult
from tests.service.live import ended, posted, serving


class Verdict(Strict):
    pick: Literal["a", "b"]


class State(TypedDict, total=False):
    brief: str
    pick: str
    result: str


def build(
    services: Services,
    flags: EchoFlags,
    *,
    replace: Replacements = MappingProxyType({}),
) -> Any:
    """Build choose → finish."""
    from langgraph.graph import END, START, StateGraph

    async def question(state: State) -> tuple[str, Mapping[str, Any]]:
        return "어느 제목이 좋은가요", {"candidates": ["a", "b"]}

    async def keep(state: State, verdict: Verdict) -> Update:
        return {"pick": verdict.pick}

    async def finish(state: State) -> Update:
        result = EchoResult(status="complete", title=state["pick"], texts=())
        return {"result": await services.documents.put(result)}

    graph = StateGraph(State)
    graph.add_node("choose", decide("title", Verdict, question=question, keep=keep))
    graph.add_node("finish", finish)
    graph.add_edge(START, "choose")
    graph.add_edge("choose", "finish")
    graph.add_edge("finish", END)
    return graph


ASKING = replace(ECHO, name="asking", build=build, answers={"title": Verdict}, forecast=None)


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(create_app(settings, products={"asking": ASKING})) as client:
        yield client


async def test_a_run_waits_for_its_answer_and_goes_on(api: httpx.AsyncClient) -> None:
    run = await posted(api, product="asking")
    seen = await ended(api, run)
    assert seen["status"] == "waiting"
    (ask,) = seen["asks"]
    assert ask["name"] == "title"
    assert ask["question"] == "어느 제목이 좋은가요"
    answer = await api.post(
        f"/v1/runs/{run}/decide", json={"ask": "title", "answer": {"pick": "b"}}
    )
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    done = await ended(api, run)
    assert (done["status"], done["result"]["title"], done["asks"]) == ("succeeded", "b", [])
    events = (await api.get(f"/v1/runs/{run}/events")).text
    (decided,) = re.findall(r"^event: run.decided\ndata: (.+)$", events, re.MULTILINE)
    assert json.loads(decided)["note"] == {"ask": "title", "answer": {"pick": "b"}}


async def test_of_two_answers_at_once_one_counts(api: httpx.AsyncClient) -> None:
    run = await posted(api, product="asking")
    await ended(api, run)
    answers = await asyncio.gather(
        *(
            api.post(f"/v1/runs/{run}/decide", json={"answer": {"pick": pick}})
            for pick in ("a", "b", "a", "b")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    taken = next(n for n, answer in enumerate(answers) if answer.status_code == 202)
    assert (await ended(api, run))["result"]["title"] == "abab"[taken]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"answer": {"pick": "c"}}, "pick"),
        ({"answer": {}}, "pick"),
        ({"answer": {"pick": "a", "more": 1}}, "more"),
        ({"answer": [], "ask": "title"}, "answer"),
        ({}, "answer"),
        ({"answer": {"pick": "a"}, "asks": "title"}, "asks"),
    ],
)
async def test_an_answer_that_was_not_asked_for_is_refused_and_the_run_waits(
    api: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    run = await posted(api, product="asking")
    await ended(api, run)
    answer = await api.post(f"/v1/runs/{run}/decide", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert (await api.get(f"/v1/runs/{run}")).json()["status"] == "waiting"


async def test_a_question_that_was_not_asked_is_a_conflict(api: httpx.AsyncClient) -> None:
    run = await posted(api, product="asking")
    await ended(api, run)
    body = {"ask": "colour", "answer": {"pick": "a"}}
    answer = await api.post(f"/v1/runs/{run}/decide", json=body)
    assert (answer.status_code, answer.json()["field"]) == (409, "ask")


async def test_a_waiting_run_cannot_be_resumed_and_can_be_cancelled(
    api: httpx.AsyncClient,
) -> None:
    run = await posted(api, product="asking")
    await ended(api, run)
    assert (await api.post(f"/v1/runs/{run}/resume")).status_code == 409
    answer = await api.post(f"/v1/runs/{run}/cancel")
    assert answer.json()["status"] == "cancelled"
    assert "취소" in answer.json()["message"]["ko"]
