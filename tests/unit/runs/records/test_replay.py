from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabula.errors import BadInput, Rejected, ReplayMiss
from fabula.nodes.services import Update
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.testing.echo import ECHO, EchoResult
from fabula.testing.rules import Fails, Malformed, When
from fabula.testing.scripted import ScriptedModel

MakeRunner = Callable[..., tuple[Runner, ScriptedModel]]
BRIEF = {"text": "가을", "count": 4}


def _files(folder: Path) -> list[Path]:
    # SQLite keeps a journal beside a database that is open, and only then.
    return sorted(one for one in folder.rglob("*") if "fabula.db" not in one.name)


async def test_a_replay_makes_the_same_bytes_and_asks_nobody(
    make_runner: MakeRunner, tmp_path: Path
) -> None:
    runner, model = make_runner()
    run = await runner.run("echo", BRIEF, out=tmp_path / "first")
    paid, listed = model.calls, len(await runner.runs())
    again = await runner.replay(run.run_id, out=tmp_path / "again")
    assert model.calls == paid
    assert (again.same, again.answers_used, again.answers_recorded) == (True, 5, 5)
    assert again.document == run.document
    first, second = (tmp_path / name / "result.json" for name in ("first", "again"))
    assert first.read_bytes() == second.read_bytes()
    assert len(await runner.runs()) == listed


async def test_without_a_folder_a_replay_writes_nothing(
    make_runner: MakeRunner, tmp_path: Path
) -> None:
    runner, _ = make_runner()
    run = await runner.run("echo", BRIEF, out=tmp_path / "out")
    before = await asyncio.to_thread(_files, tmp_path)
    assert (await runner.replay(run.run_id)).same
    assert await asyncio.to_thread(_files, tmp_path) == before


async def test_bad_answers_and_reasks_are_replayed_as_they_were(make_runner: MakeRunner) -> None:
    runner, _ = make_runner(
        When(agent="echo.plan", times=2, reply=Malformed()), When(item="write/2", reply=Malformed())
    )
    run = await runner.run("echo", BRIEF)
    assert run.outcome == "degraded"
    again = await runner.replay(run.run_id)
    # Three for the plan, three good texts, and the whole allowance of the second one.
    assert (again.same, again.answers_used) == (True, 3 + 3 + 4)


async def test_an_answer_of_a_fallback_model_is_found(make_runner: MakeRunner) -> None:
    runner, _ = make_runner(When(agent="echo.plan", times=2, reply=Fails(503)))
    flags = {"fallback_models": ["offline:second"]}
    run = await runner.run("echo", BRIEF, flags=flags)
    assert (await runner.replay(run.run_id)).same


async def test_a_run_that_ended_rejected_ends_so_again(make_runner: MakeRunner) -> None:
    runner, _ = make_runner(When(agent="echo.plan", reply=Malformed()))
    run = await runner.run("echo", BRIEF)
    with pytest.raises(Rejected, match=r"echo\.plan"):
        await runner.replay(run.run_id)


async def test_a_run_that_stopped_early_misses_by_agent_and_item(make_runner: MakeRunner) -> None:
    runner, _ = make_runner(When(item="write/3", latency_s=0.5, reply=Fails(400)))
    run = await runner.run("echo", {**BRIEF, "count": 3})
    assert run.status == "failed"
    with pytest.raises(ReplayMiss) as missed:
        await runner.replay(run.run_id)
    assert (missed.value.code, missed.value.agent) == ("replay_miss", "echo.write")
    assert missed.value.item == "write/3"


async def test_a_changed_prompt_misses_and_pays_nothing(
    make_runner: MakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, model = make_runner()
    run = await runner.run("echo", BRIEF)
    paid = model.calls
    from fabula.gateway import prompts
    from fabula.gateway.provider import Message

    monkeypatch.setattr(prompts, "render", lambda *_: (Message("user", "다른 물음"),))
    with pytest.raises(ReplayMiss, match=r"echo\.plan"):
        await runner.replay(run.run_id)
    assert model.calls == paid


async def test_replaced_nodes_are_asked_for(make_runner: MakeRunner) -> None:
    async def finish(state: Any, services: Any = None) -> Update:
        raise AssertionError("never reached without its node")

    runner, _ = make_runner()
    run = await runner.run("echo", BRIEF, replace={"finish": finish})
    with pytest.raises(BadInput, match="its own: finish"):
        await runner.replay(run.run_id)


async def test_another_machine_needs_the_archive_alone(
    make_runner: MakeRunner, settings: Settings, tmp_path: Path
) -> None:
    runner, _ = make_runner()
    run = await runner.run("echo", BRIEF, out=tmp_path / "first")
    file = await runner.export(run.run_id, tmp_path / "run.zip")
    # Neither the profile's models nor the prices of the first machine are known here.
    elsewhere = Runner(Settings(home=tmp_path / "other"), products={"echo": ECHO})
    again = await elsewhere.replay(file, out=tmp_path / "again")
    assert again.same
    assert isinstance(again.document, EchoResult)
    first, second = (tmp_path / name / "result.json" for name in ("first", "again"))
    assert first.read_bytes() == second.read_bytes()
    assert not (tmp_path / "other").exists()
