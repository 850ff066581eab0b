"""A call's own temperature: it reaches the wire, and it makes another question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fabula.documents.magazine import TemplateChoice
from fabula.errors import LeaseLost
from fabula.gateway.agent import Agent
from fabula.gateway.faults import no_hook
from fabula.gateway.gateway import Gateway, Scope
from fabula.gateway.models import Models
from fabula.gateway.payment import Payments, Transport
from fabula.settings import Settings
from fabula.store.ledger import Answered
from fabula.testing.scripted import ScriptedModel, scripted_provider

AGENT = Agent("magazine.classify", "magazine/classify", TemplateChoice)
CHOICE = {"template_id": "t1", "reason": "조용해서"}
MAP = 'profiles: {offline: {"*": {model: "offline:scripted", temperature: 0.7}}}\n'


class Answers:
    """A ledger of answers by key, as far as the gateway needs one."""

    def __init__(self) -> None:
        self.kept: dict[str, Answered] = {}

    async def find(self, key: str) -> Answered | None:
        return self.kept.get(key)

    async def claim(self, question: Any, *, allowance: int) -> str:
        return str(question.key)

    async def record(self, claim: str, answered: Answered) -> None:
        self.kept[claim] = answered

    async def doubt(self, claim: str) -> None:
        raise LeaseLost(claim)


@pytest.fixture
def asked(tmp_path: Path) -> tuple[Gateway, ScriptedModel]:
    (tmp_path / "agent_model_map.yaml").write_text(MAP)
    model = ScriptedModel(default=lambda _: CHOICE)
    ledger: Any = Answers()
    payments = Payments(
        ledger,
        transport=Transport(1, 0.0),
        allowance=4,
        hook=no_hook,
        on_answer=lambda _: None,
    )
    gateway = Gateway(
        Scope(run="r", fingerprint="f"),
        ledger=ledger,
        models=Models(Settings(home=tmp_path, config_dir=tmp_path), "offline"),
        provider_of=lambda _: scripted_provider(model),
        payments=payments,
        on_switch=lambda *_: None,
    )
    return gateway, model


async def call(gateway: Gateway, **given: Any) -> Any:
    variables: dict[str, Any] = {"angle": "봄", "titles": [], "templates": []}
    aliases = {"template": {"t1": "quiet"}}
    return await gateway.call(AGENT, variables, item="x", aliases=aliases, **given)


async def test_a_calls_own_temperature_stands_in_for_the_pinned_one(
    asked: tuple[Gateway, ScriptedModel],
) -> None:
    gateway, model = asked
    for given in ({}, {"temperature": 0.0}, {"temperature": 0.4}):
        assert await call(gateway, **given) == TemplateChoice(
            template_id="quiet", reason="조용해서"
        )
    assert [request.temperature for request in model.requests] == [0.7, 0.0, 0.4]


async def test_the_same_temperature_is_the_same_question_and_free(
    asked: tuple[Gateway, ScriptedModel],
) -> None:
    gateway, model = asked
    for temperature in (0.4, 0.4, None, None, 0.7):
        await call(gateway, temperature=temperature)
    assert [request.temperature for request in model.requests] == [0.4, 0.7, 0.7]
