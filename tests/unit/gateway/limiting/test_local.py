"""Fair turns and counts of one process, in virtual time."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

import pytest

from fabula.gateway.limiting.desk import UNSENT, Grants, Head, Outcome, Ticket
from fabula.gateway.limiting.local import FairBuckets, LocalDesk, paces
from fabula.gateway.limits import Limit, Limits

MODEL = "openai:m"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def buckets(limit: Limit) -> FairBuckets:
    whole, part = paces(Limits({MODEL: limit}), MODEL)
    return FairBuckets(whole, part, now=0, start=1)


def served(
    limit: Limit, waiting: Mapping[str, int], *, until: float, tokens: int = 1
) -> tuple[Counter[str], list[float]]:
    """Give turns to projects that always have so many calls waiting; return counts and times."""
    desk, now = buckets(limit), 0.0
    counts: Counter[str] = Counter()
    times: list[float] = []
    heads = [Head(project, (tokens,) * number) for project, number in waiting.items()]
    while now < until:
        grants = desk.grant(heads, now)
        for head, count in zip(heads, grants.counts, strict=True):
            counts[head.project] += count
            times += [now] * count
        now += max(grants.wait_s, 1e-4)
    return counts, times


def jain(counts: Sequence[int]) -> float:
    return sum(counts) ** 2 / (len(counts) * sum(one * one for one in counts))


def test_a_greedy_project_gets_no_more_than_the_nine_others() -> None:
    waiting = {"greedy": 30} | {f"p{number}": 3 for number in range(9)}
    counts, times = served(Limit(rpm=2400), waiting, until=36)
    assert len(counts) == 10
    assert jain(list(counts.values())) >= 0.99
    assert len(times) >= 0.95 * 36 * 40


def test_large_calls_count_as_what_they_take() -> None:
    desk, now = buckets(Limit(tpm=60_000)), 0.0
    heads = [Head("large", (4000,) * 3), Head("small", (500,) * 3)]
    tokens: Counter[str] = Counter()
    while now < 300:
        grants = desk.grant(heads, now)
        for head, count in zip(heads, grants.counts, strict=True):
            tokens[head.project] += count * head.tokens[0]
        now += max(grants.wait_s, 1e-4)
    assert jain(list(tokens.values())) >= 0.99
    assert sum(tokens.values()) == pytest.approx(300 * 1000, rel=0.05)


def test_an_idle_project_neither_waits_behind_the_crowd_nor_collects_turns() -> None:
    desk = buckets(Limit(rpm=60))
    crowd, late = Head("crowd", (1,) * 5), Head("late", (1,) * 5)
    for second in range(1, 101):
        assert desk.grant([crowd], second).counts == (1,)
    turns = [desk.grant([crowd, late], 100 + second).counts for second in range(1, 11)]
    assert (0, 1) in turns[:2]
    assert sum(one for one, _ in turns) == 5


@pytest.mark.parametrize("limit", [Limit(rpm=7), Limit(rpm=600), Limit(rpm=600, burst_s=10)])
def test_no_minute_has_more_requests_than_the_limit(limit: Limit) -> None:
    dice, desk, now = random.Random(5), buckets(limit), 0.0
    last: deque[float] = deque()
    most = 0
    while now < 600:
        heads = [Head("p", (1,) * dice.randint(1, 40))]
        last.extend([now] * desk.grant(heads, now).counts[0])
        while last and last[0] <= now - 59.99:
            last.popleft()
        most = max(most, len(last))
        # Busy for a while, then a pause in which a burst is saved up.
        now += 12.0 if dice.random() < 0.0001 else 0.01
    assert limit.rpm is not None
    assert limit.rpm - 1 <= most <= limit.rpm


def test_a_projects_share_holds_it_back_and_nobody_else() -> None:
    limit = Limit(rpm=600, project_share=0.25)
    alone, _ = served(limit, {"a": 10}, until=60)
    assert alone["a"] == pytest.approx(150, rel=0.05)
    counts, _ = served(limit, {"a": 30, "b": 30, "c": 30, "d": 30, "e": 30}, until=60)
    assert sum(counts.values()) == pytest.approx(600, rel=0.05)
    assert jain(list(counts.values())) >= 0.99


def test_a_new_count_begins_with_one_request() -> None:
    assert buckets(Limit(rpm=6000)).grant([Head("p", (1,) * 50)], 0).counts == (1,)


def test_what_was_not_sent_and_what_was_not_used_goes_back() -> None:
    desk = buckets(Limit(rpm=1, tpm=60))
    head = Head("p", (600,))
    ticket = Ticket(MODEL, "p", 600, 0, local=False)
    assert desk.grant([head], 0).counts == (1,)
    assert desk.grant([head], 1).counts == (0,)
    desk.settle(ticket, UNSENT, 1)
    assert desk.grant([head], 1).counts == (1,)
    desk.settle(ticket, Outcome(tokens=0), 2)
    assert desk.grant([head], 2).wait_s == pytest.approx(59)


def test_a_429_empties_the_bucket_slows_down_and_keeps_the_pause() -> None:
    desk = buckets(Limit(rpm=6000))
    heads = [Head("p", (1,) * 200)]
    desk.grant(heads, 0)
    ticket = Ticket(MODEL, "p", 1, 10, local=False)
    desk.settle(ticket, Outcome(throttled=True, retry_after_s=1.0), 10)
    assert desk.factor.value == 0.75
    assert desk.grant(heads, 10) == Grants((0,), 1.0, 10)
    # Nothing was saved up in the pause: it would go out as a burst.
    assert desk.grant(heads, 11).counts == (0,)
    assert desk.grant(heads, 12).counts == (73,)


async def _granted(desk: LocalDesk, number: int) -> int:
    return (await desk.grant(MODEL, [Head("p", (1,) * number)])).counts[0]


def _desk(limit: Limit, clock: Callable[[], float], share: float = 1.0) -> LocalDesk:
    return LocalDesk(Limits({MODEL: limit}), share=share, clock=clock)


async def test_models_are_counted_apart_also_under_one_entry() -> None:
    desk = LocalDesk(Limits({"openai:*": Limit(rpm=1)}), clock=Clock())
    heads = [Head("p", (1, 1))]
    assert (await desk.grant("openai:a", heads)).counts == (1,)
    assert (await desk.grant("openai:b", heads)).counts == (1,)
    assert (await desk.grant("openai:a", heads)).counts == (0,)


async def test_a_share_is_that_part_of_the_rate_and_at_least_one_a_minute() -> None:
    clock = Clock()
    tenth, tiny = _desk(Limit(rpm=600), clock, 0.1), _desk(Limit(rpm=10), clock, 0.001)
    for desk in (tenth, tiny):
        await _granted(desk, 1)
    clock.now += 0.5
    assert await _granted(tenth, 9) == 0
    clock.now += 0.5
    assert await _granted(tenth, 9) == 1
    clock.now += 58
    assert await _granted(tiny, 9) == 0
    clock.now += 1
    assert await _granted(tiny, 9) == 1


async def test_a_model_that_nobody_used_for_long_begins_anew() -> None:
    clock = Clock()
    desk = _desk(Limit(rpm=6000), clock)
    await _granted(desk, 1)
    throttled = Ticket(MODEL, "p", 1, clock.now, local=False)
    await desk.settle(throttled, Outcome(throttled=True))
    clock.now += 500
    assert await _granted(desk, 500) == 75
    clock.now += 601
    assert await _granted(desk, 500) == 1
    clock.now += 5
    assert await _granted(desk, 500) == 100
