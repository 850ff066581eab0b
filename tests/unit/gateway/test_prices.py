from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabula.errors import BadInput
from fabula.gateway.prices import Price, Prices, estimate_tokens
from fabula.gateway.provider import Message
from fabula.settings import Settings


def prices(tmp_path: Path, text: str) -> Prices:
    (tmp_path / "prices.yaml").write_text(text)
    return Prices.load(Settings(home=tmp_path, config_dir=tmp_path))


def test_cost_is_exact_in_nano_usd() -> None:
    assert Price(input=0.4, output=1.6).cost(1000, 100) == 400_000 + 160_000
    assert Price(input=0.0375, output=0).cost(1, 0) == 38


def test_an_unknown_price_is_an_error_never_a_guess(tmp_path: Path) -> None:
    table = prices(tmp_path, "openai:\n  a: {input: 1, output: 2}\n")
    assert table.find("openai", "a").output == 2
    with pytest.raises(BadInput, match=r"openai\.b: has no price"):
        table.find("openai", "b")
    with pytest.raises(BadInput, match=r"other\.a: has no price"):
        table.find("other", "a")


def test_a_star_stands_for_every_model_and_an_own_entry_wins(tmp_path: Path) -> None:
    table = prices(tmp_path, 'p:\n  "*": {input: 0, output: 0}\n  a: {input: 1, output: 1}\n')
    assert (table.find("p", "a").input, table.find("p", "b").input) == (1, 0)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("openai:\n  a: {input: -1, output: 2}\n", r"openai\.a\.input"),
        ("openai:\n  a: {input: 1}\n", r"openai\.a\.output"),
        ("openai:\n  a: {input: 1, output: 1, in: 3}\n", r"openai\.a\.in"),
        ("openai: 3\n", "openai"),
        ("- 1\n", "prices.yaml"),
        ("a: &x {input: 1}\nb: *x\n", "aliases"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_wrong_table_names_its_field(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(BadInput, match=field):
        prices(tmp_path, text)


@given(st.text())
def test_an_estimate_is_never_below_one_token_a_wide_character(text: str) -> None:
    wide = sum(not character.isascii() for character in text)
    assert estimate_tokens([Message("user", text)], {}) >= wide


def test_shipped_prices_and_map_are_valid() -> None:
    from fabula.gateway.models import AgentModelMap

    settings = Settings()
    table = Prices.load(settings)
    for profile, pins in AgentModelMap.load(settings).profiles.items():
        for pin in pins.values():
            provider, _, model = pin.model.partition(":")
            assert table.find(provider, model).input >= 0, profile
