"""The whole way, over a Gemini that is not there: both modes, the timeline, the bill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabula.runs import Runner
from fabula.settings import Settings
from fabula.store.events import Event
from fabula.testing.loopback import LoopbackServer
from fabula.testing.magazine import brief_of

pytest.importorskip("langchain_google_genai")
KEY = "-".join(("loopback", "key", "9876543210"))
MAP = 'profiles: {google: {"*": {model: "google_genai:gemini-2.5-flash"}}}\n'
PRICES = 'google_genai: {"*": {input: 1, output: 2}}\n'
END = ["assemble_layout", "generate_thumbnail", "publish"]


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(api_key=KEY) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, server: LoopbackServer) -> Settings:
    (tmp_path / "agent_model_map.yaml").write_text(MAP)
    (tmp_path / "prices.yaml").write_text(PRICES)
    given: dict[str, Any] = {
        "home": tmp_path / "home",
        "config_dir": tmp_path,
        "profile": "google",
        "google_base_url": server.google_base_url,
        "google_api_key": KEY,
    }
    return Settings.load(**given)


MULTI = ["classify_template", "plan_outline", *["write_section"] * 6, "validate_sections"]


@pytest.mark.parametrize(
    ("flags", "calls", "steps"),
    [
        ({}, 1, ["compose_layout"]),
        ({"mode": "multi_stage", "polish_enabled": True}, 9, [*MULTI, "polish_layout"]),
    ],
    ids=["single_call", "multi_stage"],
)
async def test_a_brief_becomes_a_page(
    flags: dict[str, Any], calls: int, steps: list[str], settings: Settings, server: LoopbackServer
) -> None:
    out = settings.home / "out"
    seen: list[Event] = []
    runner = Runner(settings, listener=seen.append)
    result = await runner.run("magazine", brief_of(), flags=flags, out=out)
    assert (result.status, result.outcome) == ("succeeded", "complete")
    assert [event.step for event in seen if event.type == "step.finished"] == [
        "fetch_sources",
        *steps,
        *END,
    ]
    assert result.calls == calls == server.stats()["paid"]
    bills = [event.note for event in seen if event.type == "cost"]
    assert len(bills) == calls
    assert all(bill["input_tokens"] and bill["output_tokens"] and bill["model"] for bill in bills)
    assert sum(bill["cost"] for bill in bills) == pytest.approx(result.cost)
    layout = json.loads((out / "layout.json").read_text("utf-8"))
    page = (out / "index.html").read_text("utf-8")
    assert all(section["heading"] in page for section in layout["sections"])
    assert {one["post_id"] for one in layout["citations"]} <= {"a1", "a2", "a3", "a4"}
