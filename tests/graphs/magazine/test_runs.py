"""The magazine through the runner: what an operator sees of a run, whichever way it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from fabula.documents.magazine import MagazineResult
from fabula.runs import Runner, RunResult
from fabula.settings import Settings
from fabula.store.events import Event
from fabula.testing.faults import Script
from fabula.testing.loopback import LoopbackServer
from fabula.testing.magazine import brief_of

BRIEF = Path(__file__).parents[3] / "examples" / "magazine" / "brief.yaml"
MULTI = {"mode": "multi_stage"}
KEY = "sk-loopback-0123456789abcdef"
PUBLISHED = ("layout.json", "index.html", "thumbnail.png")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(api_key=KEY) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, server: LoopbackServer) -> Settings:
    """Use the loopback server as `local`, at a price, so that budgets mean something."""
    config = tmp_path / "config"
    config.mkdir()
    prices = 'offline: {"*": {input: 0, output: 0}}\nlocal: {"*": {input: 1, output: 2}}\n'
    (config / "prices.yaml").write_text(prices)
    return Settings(
        home=tmp_path / "home",
        config_dir=config,
        profile="local",
        local_base_url=server.base_url,
        local_model="writer",
        local_api_key=SecretStr(KEY),
        transport_tries=2,
        transport_backoff_s=0.0,
    )


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_the_example_becomes_a_complete_article_offline(tmp_path: Path) -> None:
    seen: list[Event] = []
    runner = Runner(Settings(home=tmp_path / "home"), listener=seen.append)
    result = await runner.run("magazine", BRIEF, flags=MULTI, out=tmp_path / "out")
    assert (result.status, result.outcome, result.cost) == ("succeeded", "complete", 0.0)
    assert isinstance(result.document, MagazineResult)
    for name in (*PUBLISHED, "run.json"):
        assert (tmp_path / "out" / name).stat().st_size > 1000
    steps = [event.step for event in seen if event.type == "step.finished"]
    assert steps[:3] == ["fetch_sources", "classify_template", "plan_outline"]
    assert steps[-3:] == ["assemble_layout", "generate_thumbnail", "publish"]


async def test_two_homes_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        runner = Runner(Settings(home=tmp_path / name))
        await runner.run("magazine", BRIEF, flags=MULTI, out=tmp_path / name / "out")
    for file in PUBLISHED:
        one, two = (tmp_path / name / "out" / file for name in ("a", "b"))
        assert one.read_bytes() == two.read_bytes(), file


async def test_a_budget_stops_the_run_and_a_higher_one_lets_it_go_on(
    settings: Settings, server: LoopbackServer, tmp_path: Path
) -> None:
    runner = Runner(settings)
    whole = await runner.run("magazine", BRIEF, flags=MULTI, out=tmp_path / "whole")
    assert whole.succeeded
    paid = server.stats()["paid"]
    result = await runner.run(
        "magazine", BRIEF, flags=MULTI, budget=whole.cost * 0.75, out=tmp_path / "out"
    )
    assert result.status == "over_budget"
    assert 0 < result.cost + result.in_doubt <= whole.cost * 0.75
    resumed = await runner.resume(result.run_id, budget=10)
    assert resumed.succeeded
    assert resumed.cost == pytest.approx(whole.cost)
    assert server.stats()["paid"] == 2 * paid
    for file in PUBLISHED:
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


async def test_cancel_stops_the_run_and_resume_pays_for_the_rest_alone(
    settings: Settings, server: LoopbackServer
) -> None:
    server.set_script(Script(latency_ms=500))
    runner = Runner(settings.model_copy(update={"lease_s": 1.0}))
    running: asyncio.Task[RunResult] = asyncio.create_task(
        runner.run("magazine", BRIEF, flags=MULTI, run_id="r1")
    )
    while server.stats()["paid"] < 4:
        assert not running.done()
        await asyncio.sleep(0.005)
    await runner.cancel("r1")
    result = await running
    assert result.status == "cancelled"
    assert 4 <= result.calls == server.stats()["paid"] < 8
    assert result.in_doubt == 0
    resumed = await runner.resume("r1")
    assert resumed.succeeded
    assert resumed.calls == server.stats()["paid"] == 8


async def test_the_key_is_nowhere_but_on_the_wire(
    settings: Settings, server: LoopbackServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="fabula")
    good = await Runner(settings).run("magazine", BRIEF, flags=MULTI, out=tmp_path / "out")
    wrong = settings.model_copy(update={"local_api_key": SecretStr(KEY[::-1])})
    bad = await Runner(wrong).run("magazine", BRIEF, flags=MULTI, out=tmp_path / "out2")
    assert (good.status, bad.status, bad.code) == ("succeeded", "failed", "provider_refused")
    written = files_below(tmp_path)
    assert len(written) > 20
    for secret in (KEY, KEY[::-1]):
        for name, data in written.items():
            assert secret.encode() not in data, name
        assert secret not in caplog.text
        assert secret not in repr((good, bad, settings, wrong))


async def test_a_missing_key_fails_before_anything_is_paid_and_can_be_resumed(
    tmp_path: Path,
) -> None:
    runner = Runner(Settings(home=tmp_path))
    result = await runner.run("magazine", brief_of(4), flags=MULTI, profile="cloud")
    assert (result.status, result.code, result.calls) == ("failed", "key_missing", 0)
    assert "FABULA_" in result.message["en"]


async def test_an_unknown_featured_post_fails_before_anything_is_paid(tmp_path: Path) -> None:
    runner = Runner(Settings(home=tmp_path))
    result = await runner.run("magazine", brief_of(4, featured=("nowhere",)), flags=MULTI)
    assert (result.status, result.code, result.calls) == ("failed", "bad_input", 0)
    assert "featured" in result.message["en"]
    assert "nowhere" in result.message["ko"]


async def test_spoilt_answers_are_caught_by_the_gates(tmp_path: Path) -> None:
    seen: list[Event] = []
    runner = Runner(Settings(home=tmp_path, offline_faults=1), listener=seen.append)
    result = await runner.run("magazine", BRIEF, flags=MULTI)
    if result.status == "succeeded":
        assert result.outcome == "degraded"
        assert {"rewrite", "placeholder"} <= {event.type for event in seen}
    else:
        assert result.code == "rejected"
