"""What a provider's filter stops is not asked over and over, and is told in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from fabula.runs import Runner
from fabula.store.events import Event
from fabula.testing.rules import Fails, Malformed, Unreachable, When
from fabula.testing.scripted import ScriptedModel

MakeRunner = Callable[..., tuple[Runner, ScriptedModel]]
BRIEF = {"text": "autumn", "count": 2}
HANGUL = re.compile(r"[가-힣]")
BLOCKED = ["safety", "PROHIBITED_CONTENT", "BLOCKLIST", "content_filter", "RECITATION"]


@pytest.mark.parametrize("reason", BLOCKED)
async def test_a_blocked_answer_is_not_asked_again(make_runner: MakeRunner, reason: str) -> None:
    runner, model = make_runner(When(agent="echo.plan", finish_reason=reason))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.code, model.calls) == ("failed", "blocked", 1)
    assert "change the source and start a new run, or change the model" in result.message["en"]
    assert "원문을 고쳐 새로 실행하거나, 모델을 바꾸고" in result.message["ko"]
    for message in result.message.values():
        assert message.count("finish_reason") == 1
        assert "cut off" not in message
        assert "끊겼" not in message
    assert not HANGUL.search(result.message["en"])


async def test_a_resume_of_a_blocked_run_pays_nothing_and_grants_nothing(
    make_runner: MakeRunner, seen: list[Event]
) -> None:
    runner, model = make_runner(When(agent="echo.plan", finish_reason="SAFETY"))
    result = await runner.run("echo", BRIEF)
    again = await runner.resume(result.run_id)
    assert (again.code, model.calls, again.cost) == ("blocked", 1, result.cost)
    opening = next(event for event in seen if event.type == "run.resumed")
    assert "granted" not in opening.note


async def test_a_blocked_item_of_many_is_asked_once_more_at_most(make_runner: MakeRunner) -> None:
    runner, model = make_runner(When(item="write/1", finish_reason="SAFETY"))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.outcome) == ("succeeded", "degraded")
    assert len([one for one in model.asked("echo.write") if one.item == "write/1"]) == 2


async def test_a_prompt_that_is_blocked_with_an_error_is_a_block_that_costs_nothing(
    make_runner: MakeRunner,
) -> None:
    blocked = Fails(400, code="content_filter")
    runner, model = make_runner(When(agent="echo.plan", reply=blocked))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.code, model.calls, result.cost) == ("failed", "blocked", 1, 0)
    assert (await runner.resume(result.run_id)).code == "blocked"
    assert model.calls == 1


@pytest.mark.parametrize(
    ("rule", "en"),
    [
        (When(finish_reason="length"), "cut off before its end (finish_reason: length)"),
        (When(finish_reason="unknown"), "cut off before its end (finish_reason: unknown)"),
        (When(reply=Malformed()), "is not JSON"),
        (When(reply={"title": 3}), "title: Input should be a valid string (got: 3)"),
    ],
)
async def test_a_rejection_is_told_in_the_language_of_its_line(
    make_runner: MakeRunner, rule: When, en: str
) -> None:
    runner, model = make_runner(rule)
    result = await runner.run("echo", BRIEF)
    assert (result.code, model.calls) == ("rejected", 4)
    assert en in result.message["en"]
    assert not HANGUL.search(result.message["en"])
    assert result.message["ko"].startswith("echo.plan: `plan`에 쓸 수 있는 답을")
    assert en not in result.message["ko"] or "JSON" in en


async def test_an_answer_that_is_no_completion_is_told_without_a_status(
    make_runner: MakeRunner,
) -> None:
    def page(_: object) -> object:
        raise ValueError("Expecting value: line 1 column 1 (char 0)")

    runner, _ = make_runner(When(reply=page))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.code) == ("failed", "provider_refused")
    assert "None" not in result.message["ko"] + result.message["en"]
    assert "답으로 읽을 수 없습니다. 서버 주소(base URL)가 맞는지" in result.message["ko"]
    assert "check the base URL" in result.message["en"]


async def test_a_server_that_is_away_is_told_without_a_status(make_runner: MakeRunner) -> None:
    runner, _ = make_runner(When(reply=Unreachable()))
    result = await runner.run("echo", BRIEF)
    assert (result.status, result.code) == ("queued", "provider_down")
    assert "None" not in result.message["ko"] + result.message["en"]
