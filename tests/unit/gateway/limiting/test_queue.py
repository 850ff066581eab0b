"""Calls that wait in one event loop: order, cancellation, what is told afterwards."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from fabula.gateway.limiting import provider_limits
from fabula.gateway.limiting.desk import UNSENT, Grants, Head, Outcome, Ticket
from fabula.gateway.limiting.local import LocalDesk
from fabula.gateway.limiting.queue import QueuedLimiter
from fabula.gateway.limits import UNLIMITED, Limit, Limits

MODEL = "openai:m"


class Hand:
    """A desk that grants what the test lets through, and keeps what it is told."""

    def __init__(self) -> None:
        self.room = 0
        self.asked: list[list[Head]] = []
        self.told: list[tuple[Ticket, Outcome]] = []
        self.slow: asyncio.Event | None = None
        self.breaks: Exception | None = None

    async def grant(self, model: str, heads: Sequence[Head]) -> Grants:
        self.asked.append(list(heads))
        counts = []
        for head in heads:
            counts.append(min(self.room, len(head.tokens)))
            self.room -= counts[-1]
        if self.slow:
            await self.slow.wait()
        if self.breaks:
            raise self.breaks
        return Grants(tuple(counts), 0.01, at=7.0)

    async def settle(self, ticket: Ticket, outcome: Outcome) -> None:
        self.told.append((ticket, outcome))

    async def close(self) -> None:
        """Hold nothing."""


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
async def limiter(hand: Hand) -> AsyncIterator[QueuedLimiter]:
    made = QueuedLimiter(Limits({MODEL: Limit(rpm=1)}), hand)
    yield made
    await made.close()


async def _until(met: object, *, within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not (met() if callable(met) else met):
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.005)


async def _call(limiter: QueuedLimiter, project: str = "p", tokens: int = 5) -> None:
    async with limiter.admit(model=MODEL, project=project, tokens=tokens) as admitted:
        admitted.settle(3)


async def test_a_call_waits_for_its_grant_and_tells_what_it_used(
    limiter: QueuedLimiter, hand: Hand
) -> None:
    call = asyncio.create_task(_call(limiter))
    await _until(lambda: len(hand.asked) > 2)
    assert not call.done()
    hand.room = 1
    await call
    assert hand.told == [(Ticket(MODEL, "p", 5, 7.0, local=False), Outcome(tokens=3))]


async def test_a_model_without_a_limit_is_nobodys_business(
    limiter: QueuedLimiter, hand: Hand
) -> None:
    async with limiter.admit(model="offline:offline", project="p", tokens=5):
        pass
    assert not hand.asked
    assert not hand.told


async def test_what_was_not_sent_and_a_429_are_told_as_such(
    limiter: QueuedLimiter, hand: Hand
) -> None:
    hand.room = 2
    with pytest.raises(ValueError, match="before"):
        async with limiter.admit(model=MODEL, project="p", tokens=5):
            raise ValueError("before it was sent")
    async with limiter.admit(model=MODEL, project="p", tokens=5) as admitted:
        admitted.throttled(4.0)
    assert [outcome for _, outcome in hand.told] == [
        UNSENT,
        Outcome(throttled=True, retry_after_s=4.0),
    ]


async def test_a_cancelled_waiter_leaves_and_the_next_takes_its_turn(
    limiter: QueuedLimiter, hand: Hand
) -> None:
    first, second = (asyncio.create_task(_call(limiter, tokens=size)) for size in (1, 2))
    await _until(lambda: hand.asked and len(hand.asked[-1][0].tokens) == 2)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    hand.room = 1
    await second
    assert [ticket.tokens for ticket, _ in hand.told] == [2]


async def test_a_turn_granted_to_one_who_has_left_goes_back(
    limiter: QueuedLimiter, hand: Hand
) -> None:
    hand.slow, hand.room = asyncio.Event(), 1
    call = asyncio.create_task(_call(limiter))
    await _until(lambda: hand.asked)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    hand.slow.set()
    await _until(lambda: hand.told)
    assert [outcome for _, outcome in hand.told] == [UNSENT]


async def test_a_turn_granted_in_the_moment_of_cancellation_goes_back(
    limiter: QueuedLimiter, hand: Hand
) -> None:
    hand.slow, hand.room = asyncio.Event(), 1
    call = asyncio.create_task(_call(limiter))
    await _until(lambda: hand.asked)
    hand.slow.set()
    # The desk answers in this turn of the loop; the caller would go on in the next one.
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await _until(lambda: hand.told)
    assert [outcome for _, outcome in hand.told] == [UNSENT]


async def test_a_desk_that_breaks_fails_its_callers_and_the_next_try_is_a_new_one(
    limiter: QueuedLimiter, hand: Hand
) -> None:
    hand.breaks = RuntimeError("no desk")
    with pytest.raises(RuntimeError, match="no desk"):
        await _call(limiter)
    hand.breaks, hand.room = None, 1
    await _call(limiter)


async def test_closing_cancels_who_still_waits(hand: Hand) -> None:
    limiter = QueuedLimiter(Limits({MODEL: Limit(rpm=1)}), hand)
    call = asyncio.create_task(_call(limiter))
    await _until(lambda: hand.asked)
    await limiter.close()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_thirty_calls_of_one_project_do_not_delay_anothers() -> None:
    limits = Limits({MODEL: Limit(rpm=6000)})
    limiter = QueuedLimiter(limits, LocalDesk(limits))
    order: list[str] = []

    async def call(project: str) -> None:
        async with limiter.admit(model=MODEL, project=project, tokens=1) as admitted:
            order.append(project)
            admitted.settle(1)

    async with asyncio.TaskGroup() as group:
        for project in ["greedy"] * 30 + ["a", "b", "c"] * 3:
            group.create_task(call(project))
    await limiter.close()
    assert Counter(order[:12]) == {"greedy": 3, "a": 3, "b": 3, "c": 3}


async def test_without_limits_nothing_is_opened() -> None:
    async with provider_limits(Limits(), "redis://127.0.0.1:1/0") as limiter:
        assert limiter is UNLIMITED


async def test_everybody_in_a_process_shares_one_limiter_and_one_count() -> None:
    limits = Limits({"openai:shared-by-all": Limit(rpm=1)})
    same = Limits({"openai:shared-by-all": Limit(rpm=1)})
    async with provider_limits(limits, None) as one, provider_limits(same, None) as two:
        assert one is two
        async with one.admit(model="openai:shared-by-all", project="p", tokens=1) as admitted:
            admitted.settle(1)
    async with provider_limits(limits, None) as later:
        assert later is not one
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await later.admit(model="openai:shared-by-all", project="p", tokens=1).__aenter__()
