from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabula.testing.loopback import LoopbackServer

Command = Callable[..., Any]
SECRET = "-".join(("sk", "never", "to", "be", "seen", "0123456789"))


def test_says_that_the_offline_profile_can_run(fabula_: Command) -> None:
    done = fabula_("doctor")
    assert done.code == 0
    assert "offline: 실행할 수 있습니다 / ready to run" in done.out
    assert "magazine.outline" in done.out


def test_a_profile_without_its_key_exits_with_1(
    fabula_: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABULA_PROFILE", "cloud")
    done = fabula_("doctor", "--json")
    assert (done.code, done.json["ok"], done.json["profile"]) == (1, False, "cloud")
    named = fabula_("doctor", "--profile", "offline", "--json")
    assert (named.code, named.json["profile"]) == (0, "offline")
    assert any("FABULA_GOOGLE_API_KEY" in (one["problem"] or "") for one in done.json["models"])


@pytest.mark.parametrize("arguments", [("doctor",), ("doctor", "--json")])
def test_a_secret_never_prints(
    fabula_: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with LoopbackServer(api_key="another") as server:
        for name in ("OPENAI_API_KEY", "GEMINI_API_KEY", "FABULA_LOCAL_API_KEY"):
            monkeypatch.setenv(name, SECRET)
        address = server.url.removeprefix("http://")
        monkeypatch.setenv("FABULA_OPENAI_BASE_URL", f"http://me:{SECRET}@{address}/v1")
        monkeypatch.setenv("FABULA_LOCAL_BASE_URL", f"{server.base_url}?key={SECRET}")
        monkeypatch.setenv("FABULA_GOOGLE_BASE_URL", server.google_base_url)
        monkeypatch.setenv("FABULA_DATABASE_URL", f"postgresql://me:{SECRET}@127.0.0.1:1/db")
        done = fabula_(*arguments)
    assert done.code == 1
    assert "401" in done.out
    assert SECRET not in done.out + done.err
    assert "***" in done.out
