from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fabula.documents.magazine import Mode
from fabula.gateway.provider import ChatRequest
from fabula.graphs.magazine.comparison import (
    Comparison,
    Measured,
    measure,
    render_comparison,
    rows,
)
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.testing.answers import offline_answer
from fabula.testing.magazine import brief_of
from fabula.testing.rules import Fails, When
from fabula.testing.scripted import ScriptedModel, scripted_provider


def measured(mode: Mode, **changed: Any) -> Measured:
    fields: dict[str, Any] = {
        "mode": mode,
        "run_id": f"run-{mode}",
        "status": "succeeded",
        "outcome": "complete",
        "calls": 1,
        "input_tokens": 900,
        "output_tokens": 100,
        "cost": 0.5,
        "wall_s": 2.0,
        "validator_failures": 0,
        "placeholders": 0,
        "posts": 8,
        "posts_cited": 6,
        "sections": 6,
        "sections_written": 6,
        "too_many_requests": 0,
        "requests_failed": 0,
    }
    return Measured(**{**fields, **changed})


PAIR = Comparison(
    measured("single_call"),
    measured("multi_stage", calls=9, input_tokens=1500, output_tokens=250, sections=5),
)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    """Run a magazine on a scripted model and measure it."""

    async def make(*rules: When, flags: Mapping[str, Any], default: Any = offline_answer) -> Any:
        settings = Settings(home=tmp_path, transport_tries=3, transport_backoff_s=0.0)
        model = ScriptedModel(rules=rules, default=default)
        runner = Runner(settings, providers={"offline": scripted_provider(model)})
        result = await runner.run("magazine", brief_of(), flags=flags)
        async with runner.store() as store:
            return await measure(store, result.run_id)

    return make


async def test_a_run_is_measured_from_what_it_left_behind(run: Callable[..., Any]) -> None:
    many = await run(flags={"mode": "multi_stage"})
    assert (many.mode, many.status, many.outcome) == ("multi_stage", "succeeded", "complete")
    assert many.calls == 2 + many.sections == 2 + many.sections_written
    assert (many.posts, many.posts_cited) == (4, 4)
    assert many.tokens == many.input_tokens + many.output_tokens > 1000
    assert many.wall_s > 0
    assert (many.validator_failures, many.placeholders, many.too_many_requests) == (0, 0, 0)


async def test_one_call_is_one_call(run: Callable[..., Any]) -> None:
    one = await run(flags={"mode": "single_call"})
    assert (one.mode, one.calls, one.sections) == ("single_call", 1, 6)


async def test_429s_are_counted_apart_from_other_failures(run: Callable[..., Any]) -> None:
    rules = (
        When(item="write_section/s2", times=1, reply=Fails(429)),
        When(item="write_section/s3", times=1, reply=Fails(503)),
    )
    many = await run(*rules, flags={"mode": "multi_stage"})
    assert (many.too_many_requests, many.requests_failed, many.status) == (1, 2, "succeeded")


async def test_sections_that_a_rule_refused_are_counted_each_time(run: Callable[..., Any]) -> None:
    def short(request: ChatRequest) -> object:
        return {"heading": "짧", "paragraphs": [{"text": "짧다.", "post_ids": ["p1"]}]}

    rule = When(item="write_section/s1", reply=short)
    many = await run(rule, flags={"mode": "multi_stage"})
    assert (many.validator_failures, many.placeholders, many.outcome) == (2, 1, "degraded")
    assert many.sections_written == many.sections - 1


async def test_a_run_that_failed_is_measured_too(run: Callable[..., Any]) -> None:
    rule = When(agent="magazine.compose", reply="no JSON")
    one = await run(rule, flags={"mode": "single_call"})
    assert (one.status, one.calls, one.sections, one.posts) == ("failed", 4, 0, 0)


def test_calls_stand_against_n_plus_3_and_tokens_against_their_ratio() -> None:
    assert PAIR.expected_calls == 8
    assert PAIR.token_ratio == 1.75
    against = {row.en: row.against for row in rows(PAIR)}
    assert against["calls"] == "N+3 = 8"
    assert against["tokens"] == "×1.75 (1.5-2)"


def test_a_run_without_tokens_has_no_ratio() -> None:
    nothing = measured("single_call", input_tokens=0, output_tokens=0)
    assert Comparison(nothing, PAIR.multi_stage).token_ratio is None


def test_the_page_shows_every_row_and_asks_no_host() -> None:
    html = render_comparison(
        PAIR, title="<b>봄</b>", pages={"single_call": "single_call/index.html"}
    )
    for row in rows(PAIR):
        assert f"<td>{row.single}</td><td>{row.multi}</td>" in html
    assert "&lt;b&gt;봄" in html
    assert 'href="single_call/index.html"' in html
    assert 'href="multi_stage' not in html
    assert not re.search(r"(?:src|href)=\"https?:", html)


def test_plain_json_has_both_runs_and_what_they_are_held_against() -> None:
    plain = PAIR.as_json()
    assert plain["multi_stage"]["tokens"] == 1750
    assert plain["expected_calls"] == 8
    assert plain["expected_token_ratio"] == [1.5, 2.0]
