"""A run that asks a person: it waits, takes one valid answer, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypedDict

import pytest

from fabula.documents import Strict
from fabula.errors import BadInput, Rejected
from fabula.nodes import Replacements, Services, decide
from fabula.nodes.services import Update
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.store.events import Event, list_events
from fabula.testing.echo import ECHO, PLAN, EchoBrief, EchoFlags, EchoPlan, EchoResult
from fabula.testing.scripted import ScriptedModel, scripted_provider

BRIEF = {"text": "가을", "count": 1}


class Verdict(Strict):
    pick: Literal["a", "b"]


class State(TypedDict, total=False):
    brief: str
    title: str
    pick: str
    second: str
    result: str


def build(
    services: Services,
    flags: EchoFlags,
    *,
    replace: Replacements,
) -> Any:
    """Build plan → choose, and beside it check → finish: two questions at once."""
    from langgraph.graph import END, START, StateGraph

    async def plan(state: State) -> Update:
        brief = await services.documents.get(EchoBrief, state["brief"])
        variables = {"count": brief.count, "text": brief.text}
        made = await services.agents.call(PLAN, variables, item="plan")
        if isinstance(made, Rejected):
            raise made
        return {"title": EchoPlan.model_validate(made).title}

    async def question(state: State) -> tuple[str, Mapping[str, Any]]:
        return f"어느 제목이 좋은가요: {state['title']}", {"candidates": ["a", "b"]}

    async def keep(state: State, verdict: Verdict) -> Update:
        return {"pick": verdict.pick}

    async def keep_second(state: State, verdict: Verdict) -> Update:
        return {"second": verdict.pick}

    async def finish(state: State) -> Update:
        picked = (state["pick"], state.get("second", "-"))
        result = EchoResult(status="complete", title=state["title"], texts=picked)
        data = result.model_dump_json().encode()
        artifact = await services.artifacts.put("result.json", data, "application/json")
        await services.publisher.publish([(artifact, data)])
        return {"result": await services.documents.put(result)}

    graph = StateGraph(State)
    graph.add_node("plan", plan)
    graph.add_node("choose", decide("title", Verdict, question=question, keep=keep))
    graph.add_node("finish", replace.get("finish", finish), defer=True)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "choose")
    graph.add_edge("choose", "finish")
    graph.add_edge("finish", END)
    if flags.writers == 2:
        graph.add_node("check", decide("check", Verdict, question=question, keep=keep_second))
        graph.add_edge("plan", "check")
        graph.add_edge("check", "finish")
    return graph


PRODUCT = replace(ECHO, build=build, answers={"title": Verdict, "check": Verdict})
MakeRunner = Callable[..., tuple[Runner, ScriptedModel]]


@pytest.fixture
def runner(settings: Settings, seen: list[Event]) -> Runner:
    model = ScriptedModel(default=lambda _: {"title": "가을"})
    return Runner(
        settings,
        products={"echo": PRODUCT},
        providers={"offline": scripted_provider(model)},
        listener=seen.append,
    )


async def test_a_run_waits_and_says_what_it_asks(runner: Runner, seen: list[Event]) -> None:
    run = await runner.run("echo", BRIEF)
    assert (run.status, run.code, run.calls) == ("waiting", None, 1)
    (ask,) = run.asks
    assert ask["question"] == "어느 제목이 좋은가요: 가을"
    assert ask["material"] == {"candidates": ["a", "b"]}
    assert ask["schema"]["properties"]["pick"]["enum"] == ["a", "b"]
    assert (await runner.show(run.run_id)).asks == run.asks
    assert seen[-1].type == "run.waiting"
    assert seen[-1].note["asks"] == [dict(ask)]
    assert "결정을 기다립니다" in run.message["ko"]


async def test_an_answer_lets_it_go_on_without_paying_again(
    runner: Runner, seen: list[Event]
) -> None:
    run = await runner.run("echo", BRIEF)
    done = await runner.decide(run.run_id, {"pick": "b"})
    assert (done.status, done.calls, done.asks) == ("succeeded", 1, ())
    assert isinstance(done.document, EchoResult)
    assert done.document.texts == ("b", "-")
    decided = next(event for event in seen if event.type == "run.decided")
    assert (decided.note["ask"], decided.note["answer"]) == ("title", {"pick": "b"})
    steps = [(e.step, e.phase) for e in seen if e.type.startswith("step.")]
    assert [phase for step, phase in steps if step == "choose"] == ["start", "finish"]


@pytest.mark.parametrize(
    ("answer", "says"), [({"pick": "c"}, "pick"), ({}, "pick"), ({"pick": "a", "x": 1}, "x")]
)
async def test_a_wrong_answer_changes_nothing(
    runner: Runner, answer: dict[str, Any], says: str
) -> None:
    run = await runner.run("echo", BRIEF)
    with pytest.raises(BadInput) as error:
        await runner.decide(run.run_id, answer)
    assert error.value.field == says
    assert (await runner.show(run.run_id)).status == "waiting"
    assert (await runner.decide(run.run_id, Verdict(pick="a"))).succeeded


async def test_only_a_waiting_run_is_answered(runner: Runner) -> None:
    run = await runner.run("echo", BRIEF)
    with pytest.raises(BadInput, match="fabula decide"):
        await runner.resume(run.run_id)
    await runner.decide(run.run_id, {"pick": "a"})
    with pytest.raises(BadInput, match="no decision"):
        await runner.decide(run.run_id, {"pick": "a"})


async def test_of_several_questions_one_is_named(runner: Runner) -> None:
    run = await runner.run("echo", BRIEF, flags={"writers": 2})
    assert sorted(str(ask["name"]) for ask in run.asks) == ["check", "title"]
    with pytest.raises(BadInput, match=r"check, title|title, check"):
        await runner.decide(run.run_id, {"pick": "a"})
    half = await runner.decide(run.run_id, {"pick": "a"}, ask="check")
    assert half.status == "waiting"
    assert [ask["name"] for ask in half.asks] == ["title"]
    done = await runner.decide(run.run_id, {"pick": "b"})
    assert isinstance(done.document, EchoResult)
    assert (done.document.texts, done.calls) == (("b", "a"), 1)


async def test_an_answer_that_the_runner_does_not_know_is_asked_for_again(
    settings: Settings,
) -> None:
    model = ScriptedModel(default=lambda _: {"title": "가을"})
    own = Runner(
        settings,
        products={"echo": replace(PRODUCT, answers={})},
        providers={"offline": scripted_provider(model)},
    )
    run = await own.run("echo", BRIEF)
    again = await own.decide(run.run_id, {"pick": "c"})
    assert again.status == "waiting"
    assert "pick" in again.asks[0]["complaint"]
    assert (await own.decide(run.run_id, {"pick": "a"})).succeeded


async def test_an_answer_survives_a_crash_before_it_was_taken_in(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fabula.runs.execution import Execution

    run = await runner.run("echo", BRIEF)
    whole = Execution.run

    async def dies(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Execution, "run", dies)
    with pytest.raises(KeyboardInterrupt):
        await runner.decide(run.run_id, {"pick": "b"})
    monkeypatch.setattr(Execution, "run", whole)
    done = await runner.resume(run.run_id)
    assert isinstance(done.document, EchoResult)
    assert done.document.texts[0] == "b"


async def test_a_waiting_run_can_be_cancelled(runner: Runner) -> None:
    run = await runner.run("echo", BRIEF)
    assert (await runner.cancel(run.run_id)).status == "cancelled"


async def test_a_replay_gives_the_recorded_answers(runner: Runner) -> None:
    run = await runner.run("echo", BRIEF, flags={"writers": 2})
    with pytest.raises(BadInput, match="waited for a decision"):
        await runner.replay(run.run_id)
    for name, pick in (("title", "b"), ("check", "a")):
        await runner.decide(run.run_id, {"pick": pick}, ask=name)
    assert (await runner.replay(run.run_id)).same


async def test_the_events_stay_numbered_over_the_wait(runner: Runner) -> None:
    run = await runner.run("echo", BRIEF)
    await runner.decide(run.run_id, {"pick": "a"})
    async with runner.store() as store:
        events = await list_events(store, run.run_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    last = [event for event in events if event.type == "step.finished"][-1].note
    assert (last["done"], last["total"]) == (3, 3)
