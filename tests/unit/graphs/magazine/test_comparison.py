from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fabula.documents.magazine import Mode
from fabula.gateway.provider import ChatRequest
from fabula.graphs.magazine.comparing_words import reasons
from fabula.graphs.magazine.comparison import (
    Comparison,
    Measured,
    measure,
    render_comparison,
    rows,
)
from fabula.graphs.magazine.steps import Step
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
        "form_failures": 0,
        "content_failures": 0,
        "placeholders": 0,
        "posts": 8,
        "posts_cited": 6,
        "sections": 6,
        "sections_written": 6,
        "too_many_requests": 0,
        "requests_failed": 0,
        "posts_a_section": 0.0,
        "steps": (Step("compose", 1, 0, 900, 100),),
    }
    return Measured(**{**fields, **changed})


PAIR = Comparison(
    measured("single_call"),
    measured(
        "multi_stage",
        calls=9,
        input_tokens=1500,
        output_tokens=250,
        sections=5,
        posts_a_section=1.5,
        steps=(
            Step("classify", 1, 0, 100, 10),
            Step("plan", 1, 0, 300, 20),
            Step("write", 7, 2, 1100, 220),
        ),
    ),
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
    assert [(one.name, one.calls) for one in many.steps] == [
        ("classify", 1),
        ("plan", 1),
        ("write", many.sections),
    ]
    assert sum(one.input_tokens for one in many.steps) == many.input_tokens
    assert 0 < many.posts_a_section <= many.posts
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
    assert (many.form_failures, many.content_failures, many.validator_failures) == (0, 2, 2)
    assert (many.placeholders, many.outcome) == (1, "degraded")
    assert many.sections_written == many.sections - 1
    write = many.step("write")
    assert (write.calls, write.again) == (many.sections + 1, 1)


async def test_a_run_that_failed_is_measured_too(run: Callable[..., Any]) -> None:
    rule = When(agent="magazine.compose", reply="no JSON")
    one = await run(rule, flags={"mode": "single_call"})
    assert (one.status, one.calls, one.sections, one.posts) == ("failed", 4, 0, 0)
    assert (one.form_failures, one.content_failures, one.validator_failures) == (4, 0, 4)
    assert (one.code, one.finished) == ("rejected", False)


async def test_an_answer_that_was_asked_again_counts_as_broken(run: Callable[..., Any]) -> None:
    rule = When(agent="magazine.compose", times=1, reply="no JSON")
    one = await run(rule, flags={"mode": "single_call"})
    assert (one.finished, one.calls, one.form_failures, one.content_failures) == (True, 2, 1, 0)


FAILED = {
    "status": "failed",
    "outcome": None,
    "code": "rejected",
    "message": {"ko": "쓸 답이 없습니다", "en": "no answer to use"},
    "posts": 0,
    "sections": 0,
    "form_failures": 4,
}


@pytest.mark.parametrize("mode", ["single_call", "multi_stage"])
def test_nothing_is_concluded_where_a_run_did_not_finish(mode: Mode) -> None:
    failed = Comparison(**{**vars(PAIR), mode: replace(getattr(PAIR, mode), **FAILED)})
    plain = failed.as_json()
    assert (plain["token_ratio"], plain["expected_calls"], plain["reasons"]) == (None, None, [])
    (told,) = plain["unfinished"]
    assert (told["mode"], told["status"], told["code"]) == (mode, "failed", "rejected")
    assert told["en"] == (
        f"{mode} did not finish (failed, rejected), so nothing is concluded from these numbers: "
        "no answer to use"
    )
    assert told["ko"].endswith("견주지 않습니다(failed, rejected): 쓸 답이 없습니다")
    assert plain[mode]["validator_failures"] == 4
    lines = {row.en.strip(): row for row in rows(failed)}
    assert (lines["calls"].against, lines["tokens"].against) == ("-", "-")
    side = "single" if mode == "single_call" else "multi"
    assert getattr(lines["sections written"], side) == "-"
    assert (getattr(lines["form"], side), getattr(lines["content"], side)) == ("4", "0")
    page = render_comparison(failed, title="봄", pages={})
    assert told["en"] in page
    assert "<h2>왜" not in page
    assert "N+3" not in page
    assert "<h2>단계마다" in page


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
        assert f"<td>{row.single}</td><td>{row.multi}" in html
    for reason in reasons(PAIR):
        assert f"<p>{reason.ko}</p>" in html
    assert "&lt;b&gt;봄" in html
    assert 'href="single_call/index.html"' in html
    assert 'href="multi_stage' not in html
    assert not re.search(r"(?:src|href)=\"https?:", html)


def test_plain_json_has_both_runs_and_what_they_are_held_against() -> None:
    plain = PAIR.as_json()
    assert plain["multi_stage"]["tokens"] == 1750
    assert plain["expected_calls"] == 8
    assert plain["expected_token_ratio"] == [1.5, 2.0]


def again(**changed: Any) -> Comparison:
    return Comparison(PAIR.single_call, replace(PAIR.multi_stage, **changed))


def test_the_calls_are_told_from_what_was_asked() -> None:
    calls = reasons(PAIR)[0]
    assert calls.en == (
        "Calls of multi_stage: classify 1 + plan 1 + write sections 5. With polish off, 5 sections "
        "make N+2 = 7 calls; polish makes it N+3 = 8. 2 more were asked or written again."
    )
    polished = again(calls=10, steps=(*PAIR.multi_stage.steps, Step("polish", 1, 0, 90, 9)))
    assert "With polish on, 5 sections make N+3 = 8 calls." in reasons(polished)[0].en
    assert "다듬기를 켰으므로 섹션 5개에 N+3 = 8번입니다." in reasons(polished)[0].ko


@pytest.mark.parametrize(
    ("tokens", "says"),
    [(1000, "below the expected 1.5-2"), (1500, "within the"), (2500, "above the expected 1.5-2")],
)
def test_the_ratio_is_told_by_what_a_writer_reads(tokens: int, says: str) -> None:
    told = reasons(again(input_tokens=tokens))[1]
    assert says in told.en
    assert "all 8 posts at once: 900 input tokens" in told.en
    assert "(1.5 on average): 157 tokens a call on average (17 %), 7 times." in told.en
    assert "in excerpts: 300 tokens (33 %)" in told.en
    assert "글 8편을 한 번에 다 보아 입력이 900토큰" in told.ko


def test_a_run_that_ended_early_explains_nothing() -> None:
    assert reasons(again(steps=())) == []
    assert "<h2>왜" not in render_comparison(again(steps=()), title="봄", pages={})
