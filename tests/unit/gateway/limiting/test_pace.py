"""A limit as rates, and the factor that 429s lower."""

from __future__ import annotations

import pytest

from fabula.gateway.limiting.pace import COOLDOWN_S, LEAST_FACTOR, Bucket, Factor, Pace, Rate
from fabula.gateway.limits import Limit


def test_one_second_may_go_out_at_once_and_at_least_one_request() -> None:
    assert Pace.of(Limit(rpm=1200)).requests.most == 20
    assert Pace.of(Limit(rpm=5)).requests.most == 1
    assert Pace.of(Limit(tpm=600, burst_s=3)).tokens == Rate(10, 30)


def test_what_is_not_limited_never_waits() -> None:
    requests_alone = Bucket(Pace.of(Limit(rpm=60)), requests=1, at=0)
    assert requests_alone.missing_s(10**9, 1.0) == 0
    tokens_alone = Bucket(Pace.of(Limit(tpm=60)), requests=0, at=0)
    for _ in range(5):
        tokens_alone.take(tokens=0)
    assert tokens_alone.missing_s(1, 1.0) == 0


def test_tokens_are_owed_and_paid_back_at_the_rate() -> None:
    bucket = Bucket(Pace.of(Limit(tpm=6000)), requests=1, at=0)
    assert bucket.missing_s(1000, 1.0) == 0
    bucket.take(tokens=1000)
    # 900 owed and 100 for the next call's least, at 100 a second.
    assert bucket.missing_s(500, 1.0) == pytest.approx(10)
    bucket.fill(10, 1.0)
    assert bucket.missing_s(500, 1.0) == 0


def test_the_factor_slows_both_down() -> None:
    bucket = Bucket(Pace.of(Limit(rpm=60, tpm=6000)), requests=0, at=0)
    assert bucket.missing_s(1, 0.5) == pytest.approx(2)
    bucket.fill(1, 0.5)
    assert bucket.requests == pytest.approx(0.5)


def test_a_call_costs_what_the_scarcer_of_the_two_needs() -> None:
    pace = Pace.of(Limit(rpm=60, tpm=6000))
    assert pace.cost_s(10) == pytest.approx(1)
    assert pace.cost_s(500) == pytest.approx(5)


def test_a_429_lowers_the_factor_once_in_a_cooldown() -> None:
    factor = Factor(0)
    for at in (1.0, 1.5, 1.0 + COOLDOWN_S - 0.1):
        factor.throttled(at, at, None)
    assert factor.value == 0.75
    factor.throttled(1.0 + COOLDOWN_S, 1.0 + COOLDOWN_S, None)
    assert factor.value == 0.75**2


def test_a_late_429_of_a_call_let_through_before_lowers_nothing() -> None:
    factor = Factor(0)
    factor.throttled(10, 9, None)
    factor.throttled(20, 9.5, None)
    assert factor.value == 0.75


def test_the_providers_wish_prolongs_the_cooldown_and_pauses_all() -> None:
    factor = Factor(0)
    factor.throttled(1, 1, 12)
    assert factor.pause_until == 13
    factor.throttled(12, 12, None)
    assert factor.value == 0.75
    factor.throttled(12, 12, 10_000)
    assert factor.pause_until == 42


def test_the_factor_never_falls_to_nothing() -> None:
    factor = Factor(0)
    for number in range(100):
        factor.throttled(1 + number * 10, 1 + number * 10, None)
    assert factor.value == LEAST_FACTOR


def test_many_answers_bring_it_back_by_time_and_few_by_their_number() -> None:
    many, few = Factor(0, 0.5), Factor(0, 0.5)
    for number in range(1000):
        many.answered(number / 100)
    assert many.value == pytest.approx(0.52, abs=0.003)
    for number in range(10):
        few.answered(1 + number * 60)
    assert few.value == pytest.approx(0.55, abs=0.003)


def test_it_does_not_recover_during_a_cooldown_nor_above_one() -> None:
    factor = Factor(0, 0.999)
    factor.answered(100)
    assert factor.value == 1
    factor.throttled(101, 101, None)
    factor.answered(101 + COOLDOWN_S)
    assert factor.value == 0.75
