from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from fabula.errors import BadInput
from fabula.products import product
from fabula.runs.runner import Runner
from fabula.settings import Settings
from fabula.store.ledger import entries
from fabula.store.runs import get_run
from fabula.studio import magazine, run_id_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "magazine"
BRIEF = {"angle": "가을 골목을 걷는 하루", "sources": str(EXAMPLE / "posts"), "sections": 3}


def thread(name: str = "t", **chosen: Any) -> RunnableConfig:
    return {"configurable": {"thread_id": name, "mode": "multi_stage", **chosen}}


def compiled(config: RunnableConfig, saver: InMemorySaver | None = None) -> Any:
    return magazine(config).compile(checkpointer=saver)


def test_looking_at_the_graph_opens_nothing(fabula_home: Path) -> None:
    drawn = compiled(thread()).get_graph(xray=True)
    assert {"magazine:plan_outline", "magazine:write_section"} <= set(drawn.nodes)
    assert "magazine:compose_layout" in compiled({}).get_graph(xray=True).nodes
    assert not any(fabula_home.iterdir())


def test_the_input_is_the_brief_and_the_context_the_flags() -> None:
    graph = compiled({})
    assert graph.get_input_jsonschema()["required"] == ["brief"]
    flags = set(product("magazine").flags.model_fields)
    assert set(graph.get_context_jsonschema()["properties"]) == flags | {
        "profile",
        "budget",
        "timeout_s",
    }


async def test_without_a_thread_nothing_runs() -> None:
    with pytest.raises(BadInput, match="a run needs a thread"):
        await compiled({}).ainvoke({"brief": BRIEF})


async def test_a_wrong_flag_is_drawn_around_and_refused_by_the_run() -> None:
    config = thread(max_parallel_section_writers=0)
    graph = compiled(config, InMemorySaver())
    assert graph.get_graph(xray=True).nodes
    with pytest.raises(BadInput, match="max_parallel_section_writers"):
        await graph.ainvoke({"brief": BRIEF}, config)


async def test_an_error_tells_both_languages_in_a_type_that_the_server_shows() -> None:
    with pytest.raises(RuntimeError, match=r"anlge: 없는 항목.*\(anlge: is not a field") as refused:
        await compiled(thread()).ainvoke({"brief": {**BRIEF, "anlge": "x"}}, thread())
    assert type(refused.value).__name__ == "BadInput"


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"brief": {**BRIEF, "seed": 7}}, "brief"), ({"mode": "multi_stage"}, "flags")],
)
async def test_a_thread_keeps_to_its_run(changed: dict[str, Any], field: str) -> None:
    saver, first = InMemorySaver(), thread(mode="single_call")
    made = await compiled(first, saver).ainvoke({"brief": BRIEF}, first)
    brief = changed.pop("brief", BRIEF)
    second = thread(**{"mode": "single_call", **changed})
    with pytest.raises(BadInput, match=rf"{field}: .*start a new thread"):
        await compiled(second, saver).ainvoke({"brief": brief}, second)
    again = await compiled(first, saver).ainvoke({"brief": BRIEF}, first)
    assert again == made


async def test_cancelled_and_resumed_pays_for_nothing_twice() -> None:
    saver, config = InMemorySaver(), thread()
    run = run_id_of("t")

    stream = compiled(config, saver).astream(
        {"brief": BRIEF}, config, stream_mode="tasks", subgraphs=True, version="v2"
    )
    async with contextlib.aclosing(stream) as parts:
        async for part in parts:
            if part["data"]["name"] == "validate_sections":
                break
    async with Runner(Settings.load()).store() as store:
        assert (await get_run(store, run)).status == "cancelled"
        before = {one.key for one in await entries(store, run)}
        assert before

        end = await compiled(config, saver).ainvoke(None, config)

        row = await get_run(store, run)
        assert (end["status"], row.status, row.epoch) == ("succeeded", "succeeded", 2)
        keys = [one.key for one in await entries(store, run)]
        assert before <= set(keys)
        assert len(keys) == len(set(keys))


async def test_a_budget_holds_and_a_higher_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_dir = tmp_path / "config"
    config_dir.mkdir()
    (config_dir / "prices.yaml").write_text('offline:\n  "*": {input: 1, output: 1}\n')
    monkeypatch.setenv("FABULA_CONFIG_DIR", str(config_dir))
    saver, poor = InMemorySaver(), thread(budget=0.001)
    with pytest.raises(RuntimeError, match="budget") as stopped:
        await compiled(poor, saver).ainvoke({"brief": BRIEF}, poor)
    assert type(stopped.value).__name__ == "OverBudget"
    async with Runner(Settings.load()).store() as store:
        assert (await get_run(store, run_id_of("t"))).status == "over_budget"
    rich = thread(budget=5.0)
    end = await compiled(rich, saver).ainvoke(None, rich)
    assert end["status"] == "succeeded"
    assert 0 < end["cost"] <= 5.0


def test_a_strange_thread_name_still_makes_a_plain_run_id() -> None:
    assert run_id_of("0f1e-22") == "studio-0f1e-22"
    strange = run_id_of("../../etc/passwd " + "x" * 400)
    assert strange.startswith("studio-")
    assert len(strange) <= 64
    assert "/" not in strange
    assert strange != run_id_of("another one/")
