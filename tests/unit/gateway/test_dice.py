from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fabula.gateway.dice import Dice


@given(st.integers(), st.integers(1, 50))
def test_a_throw_depends_on_seed_and_place_alone(seed: int, limit: int) -> None:
    dice = Dice(seed)
    first = dice.at("a", 1).below(limit)
    dice.at("b").below(limit)
    assert dice.at("a", 1).below(limit) == first
    assert 0 <= first < limit


def test_throws_stay_the_same_across_versions() -> None:
    assert [Dice(7).at(index).below(100) for index in range(6)] == [11, 32, 31, 72, 22, 75]


@given(st.integers(), st.lists(st.integers(), max_size=12))
def test_shuffles_every_option_once(seed: int, options: list[int]) -> None:
    assert sorted(Dice(seed).shuffled(options)) == sorted(options)


def test_reaches_every_option() -> None:
    assert {Dice(seed).pick("abcde") for seed in range(200)} == set("abcde")
