from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fabula.gateway.provider import ChatRequest
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.store.events import Event
from fabula.testing.echo import ECHO
from fabula.testing.rules import When
from fabula.testing.scripted import ScriptedModel, scripted_provider

PRICES = 'offline:\n  "*": {input: 1, output: 1}\n'
MAP = """
defaults: {max_output_tokens: 1000, call_timeout_s: 5}
profiles:
  offline:
    "*": {model: "offline:scripted"}
"""


def _answer(request: ChatRequest) -> object:
    return {"title": "가을"} if request.agent == "echo.plan" else {"text": f"글 {request.item}"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Set prices that are not 0, so that budgets mean something."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "prices.yaml").write_text(PRICES)
    (config / "agent_model_map.yaml").write_text(MAP)
    return Settings(
        home=tmp_path / "home",
        config_dir=config,
        lease_s=1.5,
        transport_tries=2,
        transport_backoff_s=0.0,
    )


@pytest.fixture
def seen() -> list[Event]:
    return []


MakeRunner = Callable[..., tuple[Runner, ScriptedModel]]


@pytest.fixture
def make_runner(settings: Settings, seen: list[Event]) -> MakeRunner:
    def make(*rules: When, latency_s: float = 0.0) -> tuple[Runner, ScriptedModel]:
        model = ScriptedModel(rules=rules, default=_answer, latency_s=latency_s)
        runner = Runner(
            settings,
            products={"echo": ECHO},
            providers={"offline": scripted_provider(model)},
            listener=seen.append,
        )
        return runner, model

    return make
