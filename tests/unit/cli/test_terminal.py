from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from fabula.cli.terminal import Terminal, both, usd
from fabula.errors import BadInput
from fabula.settings import Settings

KEY = "sk-very-secret-0123"


@pytest.fixture
def masking() -> Terminal:
    terminal = Terminal()
    terminal.hide(Settings(local_api_key=SecretStr(KEY)))
    return terminal


def test_a_key_is_masked_wherever_it_would_be_written(
    masking: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    masking.say(f"401 for {KEY}")
    masking.note(f"열쇠 {KEY}", f"key {KEY}")
    masking.answer({"message": KEY})
    masking.bug(ValueError(KEY), "log")
    out, err = capsys.readouterr()
    assert KEY not in out + err
    assert out.count("***") == 2
    assert "ValueError: ***" in err


def test_a_verbose_traceback_is_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(verbose=True)
    terminal.hide(Settings(local_api_key=SecretStr(KEY)))
    with pytest.raises(ValueError, match="sk-") as raised:
        raise ValueError(KEY)
    terminal.bug(raised.value, "log")
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert KEY not in err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m빨강\x1b[0m", "[31m빨강[0m"),
        ("a\x07b\x9bc\u202ed", "abcd"),
        ("줄\n바꿈\t칸", "줄\n바꿈\t칸"),
    ],
)
def test_text_cannot_steer_the_terminal(text: str, shown: str) -> None:
    assert Terminal().clean(text) == shown


def test_markup_in_a_text_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().say("[bold]글[/bold] :smile:")
    assert capsys.readouterr().out == "[bold]글[/bold] :smile:\n"


def test_json_mode_leaves_stdout_to_the_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(as_json=True)
    terminal.say("말")
    terminal.note("알림", "note")
    terminal.answer({"값": 1})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"값": 1}
    assert "말" in err


def test_an_error_is_told_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().error(BadInput("budget", "got 0", "0은 안 됩니다"))
    err = capsys.readouterr().err
    assert "budget: 0은 안 됩니다" in err
    assert "budget: got 0" in err


def test_an_error_as_json_has_the_keys_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(as_json=True).error(BadInput("budget", "got 0"), run_id="r1")
    told = json.loads(capsys.readouterr().out)
    assert told["run_id"] == "r1"
    assert told["status"] == "refused"
    assert told["code"] == "bad_input"
    assert told["field"] == "budget"
    assert told["cost"] == 0.0
    assert told["artifacts"] == []


def test_long_texts_stand_below_each_other() -> None:
    assert both("짧음", "short") == "짧음 / short"
    assert both("같음", "같음") == "같음"
    # Forty syllables are eighty columns wide.
    assert both("가" * 40, "b") == "가" * 40 + "\nb"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 USD"), (12.345, "12.35 USD"), (0.00021, "0.00021 USD"), (1e-9, "0.000000001 USD")],
)
def test_small_amounts_keep_their_digits(amount: float, text: str) -> None:
    assert usd(amount) == text
