"""The magazine over each wire format: the same article, each answer paid for once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fabula.documents import content_hash
from fabula.documents.magazine import MagazineLayout, MagazineResult
from fabula.gateway.provider import ChatRequest
from fabula.runs import Runner, RunResult
from fabula.settings import Settings
from fabula.store.documents import StoredDocuments
from fabula.store.engine import Fence
from fabula.store.ledger import totals
from fabula.testing.answers import offline_answer
from fabula.testing.faults import Script, parse_fault
from fabula.testing.loopback import LoopbackServer
from fabula.testing.magazine import brief_of

KEY = "-".join(("loopback", "key", "0123456789"))
MAP = """
profiles:
  openai:
    "*": {model: "openai:some-model", temperature: 0.5}
  google:
    "*": {model: "google_genai:gemini-2.5-flash", temperature: 0.5}
"""
PRICES = """
openai:
  "*": {input: 1, output: 2}
google_genai:
  "*": {input: 1, output: 2}
"""


def _settings(tmp_path: Path, server: LoopbackServer) -> Settings:
    config = tmp_path / "config"
    config.mkdir()
    (config / "agent_model_map.yaml").write_text(MAP)
    (config / "prices.yaml").write_text(PRICES)
    given: dict[str, Any] = {
        "home": tmp_path / "home",
        "config_dir": config,
        "openai_base_url": server.base_url,
        "openai_api_key": KEY,
        "google_base_url": server.google_base_url,
        "google_api_key": KEY,
        "transport_backoff_s": 0.0,
    }
    return Settings.load(**given)


def _same_whatever_the_format(request: ChatRequest) -> str:
    # The server's seed is a hash of the body, which the formats write differently.
    seed = int(content_hash(request.messages)[:8], 16)
    return offline_answer(replace(request, seed=seed))


async def _layout(runner: Runner, result: RunResult) -> MagazineLayout:
    assert isinstance(result.document, MagazineResult), result.message
    async with runner.store() as store:
        documents = StoredDocuments(store, Fence(result.run_id, 1))
        return await documents.get(MagazineLayout, result.document.layout)


@pytest.mark.parametrize("mode", ["single_call", "multi_stage"])
async def test_both_formats_give_the_same_article_for_the_same_answers(
    mode: str, tmp_path: Path
) -> None:
    with LoopbackServer(api_key=KEY, answer=_same_whatever_the_format) as server:
        runner = Runner(_settings(tmp_path, server))
        made = []
        for profile in ("openai", "google"):
            given: dict[str, Any] = {"flags": {"mode": mode}, "profile": profile}
            result = await runner.run("magazine", brief_of(5, sections=4), **given)
            made.append(await _layout(runner, result))
            async with runner.store() as store:
                sums = await totals(store, result.run_id)
            assert sums.calls == result.calls
        assert server.stats()["refused"] == 0
    openai, google = made
    assert openai == google
    assert (openai.status, len(openai.sections)) == ("complete", 4)


async def test_a_busy_gemini_is_asked_again_and_paid_once(tmp_path: Path) -> None:
    faults = [parse_fault("429@each:1"), parse_fault("thinks@every:1")]
    with LoopbackServer(api_key=KEY, script=Script(faults=faults, retry_after_s=0)) as server:
        runner = Runner(_settings(tmp_path, server))
        result = await runner.run(
            "magazine",
            brief_of(5, sections=4),
            flags={"mode": "multi_stage"},
            profile="google",
        )
        stats = server.stats()
        paid = [call for call in server.calls if call.paid]
    assert result.succeeded, result.message
    assert stats["paid"] == result.calls == len({call.body_hash for call in paid})
    assert stats["refused"] == stats["paid"]
    async with runner.store() as store:
        sums = await totals(store, result.run_id)
    assert sums.doubtful_calls == 0
    assert result.cost == pytest.approx((sums.input_tokens + 2 * sums.output_tokens) / 1_000_000)
