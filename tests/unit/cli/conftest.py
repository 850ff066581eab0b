"""Run the command line in this process, on a small product and a scripted model."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import fabula.products
import fabula.runs
from fabula.cli import main
from fabula.gateway.provider import ChatRequest
from fabula.runs import Runner
from fabula.testing.echo import ECHO
from fabula.testing.rules import When
from fabula.testing.scripted import ScriptedModel, scripted_provider

MAP = """
defaults: {max_output_tokens: 1000, call_timeout_s: 5}
profiles:
  offline:
    "*": {model: "offline:scripted"}
  cloud:
    "*": {model: "openai:gpt-4.1-mini"}
"""
PRICES = """
offline:
  "*": {input: 1, output: 1}
openai:
  "*": {input: 1, output: 1}
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout; an error when there is more than one line."""
        (line,) = self.out.splitlines()
        return json.loads(line)


@pytest.fixture
def fabula_(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Call the command line with arguments; return its exit code and what it wrote."""

    def call(*arguments: object) -> Done:
        monkeypatch.setattr("sys.argv", ["fabula", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Done(code, out, err)

    return call


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., ScriptedModel]:
    """Let the product `echo` be answered by a scripted model, at prices that are not 0."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "agent_model_map.yaml").write_text(MAP)
    (config / "prices.yaml").write_text(PRICES)
    monkeypatch.setenv("FABULA_CONFIG_DIR", str(config))
    monkeypatch.setenv("FABULA_LEASE_S", "1")
    monkeypatch.setenv("FABULA_TRANSPORT_TRIES", "2")
    monkeypatch.setenv("FABULA_TRANSPORT_BACKOFF_S", "0")
    monkeypatch.setattr(fabula.products, "PRODUCTS", {"echo": ECHO})

    def make(*rules: When, latency_s: float = 0.0, default: Any = _answer) -> ScriptedModel:
        made = ScriptedModel(rules=rules, default=default, latency_s=latency_s)
        providers = {"offline": scripted_provider(made)}
        monkeypatch.setattr(fabula.runs, "Runner", partial(Runner, providers=providers))
        return made

    return make


@pytest.fixture
def brief(tmp_path: Path) -> Path:
    path = tmp_path / "brief.yaml"
    path.write_text("text: 가을\ncount: 3\n")
    return path


def _answer(request: ChatRequest) -> object:
    return {"title": "가을"} if request.agent == "echo.plan" else {"text": f"글 {request.item}"}
