from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from fabula.cli.edge import conduct, exit_code_of, interruptible, log_file, shown
from fabula.cli.terminal import Terminal
from fabula.errors import BadInput, FabulaError, KeyMissing, MissingExtra, OverBudget, StoreError
from fabula.settings import Settings


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("x", "y"), 2),
        (MissingExtra("x", "media"), 2),
        (KeyMissing("x"), 2),
        (OverBudget("x"), 1),
        (StoreError("x"), 1),
    ],
)
def test_what_a_person_can_put_right_exits_with_2(error: FabulaError, code: int) -> None:
    assert exit_code_of(error) == code


def test_a_bug_is_named_and_its_traceback_is_in_the_log(
    capsys: pytest.CaptureFixture[str], fabula_home: Path
) -> None:
    async def work(settings: Settings) -> int:
        raise ZeroDivisionError("무엇인가")

    assert conduct(Terminal(), work) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError: 무엇인가" in err
    assert "fabula.log" in err
    assert "Traceback" not in err
    assert "Traceback" in (fabula_home / "logs" / "fabula.log").read_text("utf-8")


def test_a_key_does_not_reach_the_log(monkeypatch: pytest.MonkeyPatch, fabula_home: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0123")

    async def work(settings: Settings) -> int:
        raise ValueError("bad key sk-very-secret-0123")

    conduct(Terminal(), work)
    logged = (fabula_home / "logs" / "fabula.log").read_text("utf-8")
    assert "bad key ***" in logged
    assert "sk-very" not in logged


def test_a_command_without_trouble_leaves_no_log(fabula_home: Path) -> None:
    async def work(settings: Settings) -> int:
        return 0

    assert conduct(Terminal(), work) == 0
    assert not (fabula_home / "logs").exists()


def test_an_unknown_setting_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FABULA_PROFIL", "cloud")

    async def work(settings: Settings) -> int:
        return 0

    assert conduct(Terminal(), work) == 2
    assert "FABULA_PROFIL" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_cancels_once_and_lets_the_work_end(number: signal.Signals) -> None:
    said: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0)
            said.append("settled")

    before = signal.getsignal(number)
    with pytest.raises(asyncio.CancelledError):
        await interruptible(work(), lambda: said.append("asked"))
    signal.signal(number, before)
    assert said == ["asked", "settled"]


async def test_without_a_signal_the_result_comes_back() -> None:
    async def work() -> int:
        return 7

    assert await interruptible(work(), lambda: None) == 7


def test_paths_are_shown_from_where_the_reader_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "out" / "demo") == "out/demo"
    assert shown(Path("/nowhere/else")) == "/nowhere/else"
    assert log_file(Settings(home=tmp_path / "h")) == tmp_path / "h" / "logs" / "fabula.log"
