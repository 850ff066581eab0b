"""A chat agent changes a magazine: a small tool-calling loop on LangGraph, the model scripted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from fabula.gateway.provider import ChatRequest
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.store.runs import get_run
from fabula.testing.magazine import brief_of
from fabula.testing.rules import CallsTool, When
from fabula.testing.scripted import ScriptedModel
from fabula.tools import change_tools


class Chat(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def agent_loop(model: ScriptedModel, tools: Sequence[BaseTool]) -> Any:
    """Build model ⟲ tools, until the model answers in words."""
    bound = model.bind_tools(tools)
    by_name = {tool.name: tool for tool in tools}

    async def think(state: Chat) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    async def act(state: Chat) -> dict[str, Any]:
        calls = getattr(state["messages"][-1], "tool_calls", [])
        return {"messages": [await by_name[call["name"]].ainvoke(call) for call in calls]}

    def route(state: Chat) -> str:
        return "act" if getattr(state["messages"][-1], "tool_calls", []) else END

    graph = StateGraph(Chat)
    graph.add_node("think", think)
    graph.add_node("act", act)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", route, ["act", END])
    graph.add_edge("act", "think")
    return graph.compile()


async def talk(model: ScriptedModel, tools: Sequence[BaseTool]) -> tuple[list[Any], str]:
    """Return what the tools answered, and the model's last words."""
    said = await agent_loop(model, tools).ainvoke({"messages": [HumanMessage("기사를 고쳐 줘")]})
    tool_messages = [one for one in said["messages"] if isinstance(one, ToolMessage)]
    answers = [json.loads(str(one.content)) for one in tool_messages]
    return answers, str(said["messages"][-1].content)


def last_run_of(request: ChatRequest) -> str:
    return str(json.loads(request.messages[-1].content)["run_id"])


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(Settings(home=tmp_path / "home"))


async def test_an_agent_rewrites_a_section_and_then_changes_the_template(runner: Runner) -> None:
    run = await runner.run("magazine", brief_of(9), flags={"mode": "multi_stage"})
    rewrite = {"run_id": run.run_id, "section_id": "s2", "note": "더 짧게", "confirm": True}
    model = ScriptedModel(
        rules=[
            When(times=1, reply=CallsTool("rewrite_section", rewrite)),
            When(
                times=1,
                reply=lambda request: CallsTool(
                    "change_template",
                    {
                        "run_id": last_run_of(request),
                        "template_id": "pinterest-board",
                        "confirm": True,
                    },
                ),
            ),
            When(reply="바꾸었습니다."),
        ]
    )
    (first, second), words = await talk(model, change_tools(runner))
    assert words == "바꾸었습니다."
    assert (first["status"], first["parent"], first["calls"]) == ("succeeded", run.run_id, 1)
    assert (second["status"], second["parent"]) == ("succeeded", first["run_id"])
    assert second["cost"] == 0.0
    sections = [id_ for id_ in first["kept"] if id_.startswith("WrittenSection:")]
    assert len(sections) == 5
    assert [one.change for one in await runner.runs()] == ["change_template", "rewrite", None]


async def test_a_refusal_is_an_answer_that_the_agent_can_put_right(runner: Runner) -> None:
    run = await runner.run("magazine", brief_of(4), flags={"mode": "multi_stage"})
    wrong = {"run_id": run.run_id, "section_id": "s99", "confirm": True}
    right = {"run_id": run.run_id, "section_id": "s1", "confirm": True}
    model = ScriptedModel(
        rules=[
            When(times=1, reply=CallsTool("rewrite_section", wrong)),
            When(times=1, reply=CallsTool("rewrite_section", right)),
            When(reply="됐습니다."),
        ]
    )
    (refused, done), _ = await talk(model, change_tools(runner))
    assert (refused["status"], refused["field"]) == ("refused", "section_id")
    assert "s1 (intro)" in refused["message"]["ko"]
    assert done["status"] == "succeeded"


async def test_what_the_tools_take_is_typed_and_told_in_both_languages(runner: Runner) -> None:
    template, section = change_tools(runner)
    assert (template.name, section.name) == ("change_template", "rewrite_section")
    assert set(template.args) == {"run_id", "template_id", "confirm"}
    assert set(section.args) == {"run_id", "section_id", "note", "confirm"}
    for tool in (template, section):
        assert "매거진" in tool.description
        assert all("/" in arg["description"] for arg in tool.args.values())


def priced(tmp_path: Path) -> Runner:
    config = tmp_path / "config"
    config.mkdir()
    (config / "prices.yaml").write_text('offline:\n  "*": {input: 1, output: 1}\n')
    return Runner(Settings(home=tmp_path / "home", config_dir=config))


async def test_a_tools_budget_holds(tmp_path: Path) -> None:
    runner = priced(tmp_path)
    run = await runner.run("magazine", brief_of(4), flags={"mode": "single_call"})
    _, rewrite = change_tools(runner, budget=1e-6)
    asked = {"run_id": run.run_id, "section_id": "s1"}
    told = json.loads(await rewrite.ainvoke({**asked, "confirm": True}))
    assert (told["status"], told["code"], told["cost"]) == ("over_budget", "over_budget", 0.0)


async def test_without_confirm_a_tool_says_what_it_would_cost_and_starts_nothing(
    tmp_path: Path,
) -> None:
    runner = priced(tmp_path)
    run = await runner.run("magazine", brief_of(4), flags={"mode": "multi_stage"})
    template, rewrite = change_tools(runner)
    asked = {"run_id": run.run_id, "section_id": "s1"}
    plan = json.loads(await rewrite.ainvoke(asked))
    other = {"run_id": run.run_id, "template_id": "pinterest-board"}
    planned = json.loads(await template.ainvoke(other))
    assert (plan["status"], planned["status"]) == ("planned", "planned")
    assert len(await runner.runs()) == 1
    assert "s1" in plan["does"]["ko"]
    assert "confirm=true" in plan["message"]["ko"]
    assert 0 < plan["expected"] <= plan["at_most"] == plan["budget"]


async def test_with_confirm_the_plans_upper_bound_is_the_budget(tmp_path: Path) -> None:
    runner = priced(tmp_path)
    run = await runner.run("magazine", brief_of(4), flags={"mode": "multi_stage"})
    _, rewrite = change_tools(runner)
    asked = {"run_id": run.run_id, "section_id": "s1"}
    plan = json.loads(await rewrite.ainvoke(asked))
    done = json.loads(await rewrite.ainvoke({**asked, "confirm": True}))
    assert (done["status"], done["calls"]) == ("succeeded", 1)
    assert 0 < done["cost"] <= plan["at_most"]
    async with runner.store() as store:
        row = await get_run(store, done["run_id"])
    assert row.budget == pytest.approx(plan["at_most"] * 1e9, abs=1)
