"""Studio's server on loopback: what `langgraph dev` serves is the library's magazine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

import fabula.studio
from fabula.products import PRODUCTS
from fabula.runs.report import cost_report
from fabula.runs.runner import Runner
from fabula.settings import Settings
from fabula.store.runs import get_run
from fabula.studio import run_id_of
from tests.service.studio import ROOT, Studio, studio_at

pytest.importorskip("langgraph_api")

EXAMPLE = ROOT / "examples" / "magazine"
FILES = ("layout.json", "index.html", "thumbnail.png")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with studio_at(tmp_path_factory.mktemp("studio")) as served:
        yield served


def test_every_product_is_listed_for_the_server() -> None:
    listed = json.loads((ROOT / "langgraph.json").read_text("utf-8"))["graphs"]
    assert {name: one["path"] for name, one in listed.items()} == {
        name: f"fabula.studio:{name}" for name in PRODUCTS
    }
    for name, one in listed.items():
        assert callable(getattr(fabula.studio, name))
        assert " · " in one["description"]


def brief(**changed: Any) -> dict[str, Any]:
    """The brief that every test here runs, as plain data."""
    return {
        "angle": "가을 골목을 천천히 걷는 하루",
        "sources": str(EXAMPLE / "posts"),
        "sections": 3,
        **changed,
    }


async def test_lists_the_magazine_with_typed_brief_flags_and_steps(studio: Studio) -> None:
    async with get_client(url=studio.url) as client:
        found = await client.assistants.search()
        assert [one["graph_id"] for one in found] == ["magazine"]
        schemas = await client.assistants.get_schemas(found[0]["assistant_id"])
        drawing = await client.assistants.get_graph(found[0]["assistant_id"], xray=True)
    asked: Any = schemas["input_schema"]
    assert set(asked["$defs"]["MagazineBrief"]["properties"]) >= {"angle", "sources", "posts"}
    context: Any = schemas["context_schema"]
    assert set(context["properties"]) >= {"mode", "polish_enabled", "budget", "profile"}
    steps = {str(node["id"]).split(":")[-1] for node in drawing["nodes"]}
    assert {"fetch_sources", "compose_layout", "assemble_layout", "publish"} <= steps


async def test_a_run_in_studio_gives_the_librarys_bytes(studio: Studio, tmp_path: Path) -> None:
    async with get_client(url=studio.url) as client:
        thread = (await client.threads.create())["thread_id"]
        steps: list[str] = []
        kinds: set[str] = set()
        async for part in client.runs.stream(
            thread,
            "magazine",
            input={"brief": brief()},
            context={"mode": "multi_stage"},
            stream_mode=["updates", "custom", "tasks"],
            stream_subgraphs=True,
        ):
            kinds.add(part.event.split("|")[0])
            assert part.event.split("|")[0] != "error", part.data
            if part.event.startswith("updates|"):
                steps += part.data
        state: Any = (await client.threads.get_state(thread))["values"]

        again: Any = await client.runs.wait(thread, "magazine", input={"brief": brief()})
        other: Any = await client.runs.wait(
            thread, "magazine", input={"brief": brief(angle="다른 각도")}, raise_error=False
        )

    assert {"updates", "tasks"} <= kinds
    assert steps[:3] == ["fetch_sources", "classify_template", "plan_outline"]
    assert steps.count("write_section") == 3
    assert steps[-3:] == ["assemble_layout", "generate_thumbnail", "publish"]
    assert state["status"] == "succeeded"
    assert again["run"] == state["run"] == run_id_of(thread)
    assert other["__error__"]["error"] == "BadInput"
    assert "새 스레드를 시작하세요" in other["__error__"]["message"]
    assert "start a new thread" in other["__error__"]["message"]

    here = Runner(Settings(home=tmp_path / "home"))
    flags, out = {"mode": "multi_stage"}, tmp_path / "out"
    result = await here.run("magazine", brief(), flags=flags, out=out)
    published = Path(state["result"]["location"])
    for name in FILES:
        assert (published / name).read_bytes() == (out / name).read_bytes()

    async with Runner(studio.settings).store() as store:
        row = await get_run(store, state["run"])
        assert (row.door, row.status, row.worker) == ("studio", "succeeded", None)
        assert row.flags["mode"] == "multi_stage"
        assert row.epoch == 1
        assert (await cost_report(store, row.id))["calls"] == result.calls > 0


async def test_says_what_is_wrong_with_a_brief_and_writes_nothing(studio: Studio) -> None:
    async with get_client(url=studio.url) as client:
        thread = (await client.threads.create())["thread_id"]
        refused: Any = await client.runs.wait(
            thread, "magazine", input={"brief": brief(anlge="오타")}, raise_error=False
        )
        assert "anlge: 없는 항목입니다" in refused["__error__"]["message"]
        corrected: Any = await client.runs.wait(
            thread,
            "magazine",
            input={"brief": brief()},
            context={"mode": "single_call", "polish_enabled": True},
        )
    assert corrected["status"] == "succeeded"
