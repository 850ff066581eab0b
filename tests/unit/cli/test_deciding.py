"""decide from the command line: the question is shown, the answer read, the run goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypedDict

import pytest

import fabula.products
from fabula.cli.deciding import read_answer
from fabula.documents import Strict
from fabula.errors import BadInput
from fabula.nodes import decide
from fabula.testing.echo import ECHO, EchoResult
from fabula.testing.scripted import ScriptedModel

Command = Callable[..., Any]
Model = Callable[..., ScriptedModel]


class State(TypedDict, total=False):
    brief: str
    result: str


class Verdict(Strict):
    pick: Literal["a", "b"]


def build(services: Any, flags: Any, *, replace: Any = None) -> Any:
    from langgraph.graph import END, START, StateGraph

    async def question(state: Any) -> tuple[str, dict[str, Any]]:
        return "어느 쪽인가요?", {"candidates": ["a", "b"]}

    async def keep(state: Any, verdict: Verdict) -> dict[str, Any]:
        result = EchoResult(status="complete", title=verdict.pick, texts=())
        return {"result": await services.documents.put(result)}

    graph: Any = StateGraph(State)
    graph.add_node("choose", decide("title", Verdict, question=question, keep=keep))
    graph.add_edge(START, "choose")
    graph.add_edge("choose", END)
    return graph


@pytest.fixture
def run_id(fabula_: Command, model: Model, brief: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    model()
    asking = replace(ECHO, build=build, answers={"title": Verdict}, forecast=None)
    monkeypatch.setattr(fabula.products, "PRODUCTS", {"echo": asking})
    done = fabula_("run", "echo", "--brief", brief, "--json")
    assert done.json["status"] == "waiting"
    assert f"fabula decide {done.json['run_id']} --answer …" in done.err
    return str(done.json["run_id"])


def test_without_an_answer_the_question_is_shown(fabula_: Command, run_id: str) -> None:
    done = fabula_("decide", run_id)
    assert done.code == 0
    assert "title: 어느 쪽인가요?" in done.out
    assert 'candidates: ["a", "b"]' in done.out
    assert '--answer \'pick: …\'  ["a", "b"]' in done.out
    assert fabula_("show", run_id, "--json").json["status"] == "waiting"


@pytest.mark.parametrize("answer", ["b", "pick: b", '{"pick": "b"}'])
def test_an_answer_finishes_the_run(fabula_: Command, run_id: str, answer: str) -> None:
    done = fabula_("decide", run_id, "--answer", answer, "--json")
    assert (done.code, done.json["status"]) == (0, "succeeded")


def test_a_wrong_answer_names_its_field_and_the_run_waits_on(fabula_: Command, run_id: str) -> None:
    done = fabula_("decide", run_id, "--answer", "c", "--json")
    assert (done.code, done.json["field"]) == (2, "pick")
    assert fabula_("decide", run_id, "--answer", "a").code == 0


def test_a_run_that_waits_for_nothing_says_that_first(fabula_: Command, run_id: str) -> None:
    assert fabula_("decide", run_id, "--answer", "a").code == 0
    done = fabula_("decide", run_id, "--answer", "x", "--json")
    assert (done.code, done.json["field"]) == (2, "run")
    assert "waits for no decision (succeeded)" in done.json["message"]["en"]


def test_a_bare_value_needs_a_question_of_one_field() -> None:
    two = {"name": "x", "schema": {"properties": {"a": {}, "b": {}}}}
    with pytest.raises(BadInput, match="fields: a, b"):
        read_answer("1", [two])
    assert read_answer("a: 1\nb: [2]", [two]) == {"a": 1, "b": [2]}
