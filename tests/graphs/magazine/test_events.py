"""What a listener hears of a magazine: step by step while it is made, each with its cost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fabula.gateway.provider import ChatAnswer, ChatProvider, ChatRequest, OnToken
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.store.events import Event
from fabula.testing.magazine import brief_of
from fabula.testing.scripted import ScriptedModel, scripted_provider

MULTI = {"mode": "multi_stage"}
GIVE_UP_S = 20.0
ASKING = {"classify_template", "plan_outline", "write_section"}


class Patient:
    """Answer the first section only after somebody has heard that the plan stands."""

    def __init__(self, inner: ChatProvider) -> None:
        self._inner = inner
        self._planned = asyncio.Event()
        self.seen: list[Event] = []

    def hear(self, event: Event) -> None:
        self.seen.append(event)
        if (event.type, event.step) == ("step.finished", "plan_outline"):
            self._planned.set()

    async def complete(self, request: ChatRequest, on_token: OnToken | None = None) -> ChatAnswer:
        if request.item == "write_section/s1":
            async with asyncio.timeout(GIVE_UP_S):
                await self._planned.wait()
        return await self._inner.complete(request, on_token)


async def test_steps_are_told_while_the_run_goes_on(tmp_path: Path) -> None:
    patient = Patient(scripted_provider(ScriptedModel()))
    providers = {"offline": patient}
    runner = Runner(Settings(home=tmp_path), providers=providers, listener=patient.hear)
    result = await runner.run("magazine", brief_of(), flags=MULTI)
    assert result.outcome == "complete", result.message
    finished = [event for event in patient.seen if event.type == "step.finished"]
    written = {str(event.item) for event in finished if event.step == "write_section"}
    assert written == {f"write_section/s{n}" for n in range(1, 7)}
    done = [event.note["done"] for event in finished]
    assert done == sorted(done)
    assert (done[-1], finished[-1].note["total"]) == (len(finished), len(finished))


async def test_each_step_that_asks_notes_model_and_tokens_and_the_others_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "prices.yaml").write_text('offline: {"*": {input: 1, output: 2}}\n')
    seen: list[Event] = []
    runner = Runner(Settings(home=tmp_path / "home", config_dir=tmp_path), listener=seen.append)
    result = await runner.run("magazine", brief_of(), flags=MULTI)
    finished = [event for event in seen if event.type == "step.finished"]
    asking = [event for event in finished if event.step in ASKING]
    assert len(asking) == result.calls == 8
    for event in asking:
        note = event.note
        assert note["model"].startswith("offline:")
        priced = (note["input_tokens"] + 2 * note["output_tokens"]) / 1_000_000
        assert 0 < note["cost"] == pytest.approx(priced)
    total = sum(event.note["cost"] for event in asking)
    assert total == pytest.approx(result.cost)
    assert all("model" not in event.note for event in finished if event not in asking)
