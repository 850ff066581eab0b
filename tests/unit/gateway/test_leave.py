"""Calls and the limiter: what waits before what, and what the limiter is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fabula.errors import Cancelled, Drained, OverBudget, ProviderDown, ProviderRefused
from fabula.gateway.faults import no_hook
from fabula.gateway.leave import most_tokens
from fabula.gateway.limits import Admitted
from fabula.gateway.models import Model
from fabula.gateway.payment import Payments, Transport
from fabula.gateway.prices import Price
from fabula.gateway.provider import ChatAnswer, ChatRequest, Message, OnToken, ProviderError
from fabula.store.ledger import Answered, Question

MODEL = Model("openai", "m", Price(input=1, output=1), None, 100, 0.2)
REQUEST = ChatRequest("a", "x", 0, "m", (Message("user", "?"),), {}, "a", 0, 100, None)
GOOD = ChatAnswer("{}", "stop", 7, 5, "m-1")


def question(key: str = "k") -> Question:
    return Question(key, "a", "x", 0, 0, "openai", "m", 50, 100, 1.0, 1.0)


class World:
    """Limiter, ledger and provider in one, with a diary of what happened in which order."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.asked: list[tuple[str, str, int]] = []
        self.turns = asyncio.Semaphore(1)
        self.replies: list[Exception | ChatAnswer] = []
        self.latency_s = 0.0
        self.over_budget = False

    @asynccontextmanager
    async def admit(self, *, model: str, project: str, tokens: int) -> AsyncIterator[Admitted]:
        self.asked.append((model, project, tokens))
        await self.turns.acquire()
        self.diary.append("admitted")
        told = Told()
        try:
            yield told
        finally:
            self.diary.append(told.what)

    async def claim(self, asked: Question, *, allowance: int) -> str:
        if self.over_budget:
            raise OverBudget("too much")
        self.diary.append("claimed")
        return asked.key

    async def release(self, claim: str) -> None:
        self.diary.append("released")

    async def doubt(self, claim: str) -> None:
        self.diary.append("in doubt")

    async def record(self, claim: str, answered: Answered) -> None:
        self.diary.append("recorded")

    async def complete(self, request: ChatRequest, on_token: OnToken | None = None) -> ChatAnswer:
        self.diary.append("sent")
        await asyncio.sleep(self.latency_s)
        reply = self.replies.pop(0) if self.replies else GOOD
        if isinstance(reply, Exception):
            raise reply
        return reply


class Told:
    what = "given back"

    def settle(self, tokens: int) -> None:
        self.what = f"settled {tokens}"

    def throttled(self, retry_after_s: float | None) -> None:
        self.what = f"throttled {retry_after_s}"


@pytest.fixture
def world() -> World:
    return World()


def payments_of(world: Any, tries: int = 2) -> Payments:
    return Payments(
        world,
        transport=Transport(tries, 0.0),
        allowance=4,
        hook=no_hook,
        on_answer=lambda _: None,
        limiter=world,
        project="house",
    )


async def pay(payments: Payments, world: Any, key: str = "k", permit: Any = None) -> Answered:
    return await payments.pay(question(key), REQUEST, MODEL, world, permit)


async def _until(met: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not met():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.002)


async def test_a_call_waits_before_its_claim_and_tells_what_it_used(world: World) -> None:
    await pay(payments_of(world), world)
    assert world.asked == [("openai:m", "house", 150)]
    assert world.diary == ["admitted", "claimed", "sent", "recorded", "settled 12"]


async def test_a_wait_longer_than_the_calls_deadline_does_no_harm(world: World) -> None:
    await world.turns.acquire()
    call = asyncio.create_task(pay(payments_of(world), world))
    await asyncio.sleep(MODEL.call_timeout_s * 2)
    assert not call.done()
    world.turns.release()
    assert (await call).output_tokens == 5


async def test_a_cancelled_wait_claims_nothing_and_frees_the_permit(world: World) -> None:
    await world.turns.acquire()
    permit = asyncio.Semaphore(1)
    payments = payments_of(world)
    call = asyncio.create_task(pay(payments, world, permit=permit))
    await _until(lambda: world.asked)
    assert permit.locked()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not permit.locked()
    assert world.diary == []
    await payments.settle()


async def test_a_429_is_told_before_the_pause_and_waits_for_a_new_turn(world: World) -> None:
    world.replies = [ProviderError("slow", retryable=True, status=429, retry_after_s=0.05)]
    call = asyncio.create_task(pay(payments_of(world), world))
    await _until(lambda: "throttled 0.05" in world.diary)
    await _until(lambda: len(world.asked) == 2)
    assert not call.done()
    world.turns.release()
    await call
    assert world.diary == [
        *("admitted", "claimed", "sent", "released", "throttled 0.05"),
        *("admitted", "claimed", "sent", "recorded", "settled 12"),
    ]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (ProviderError("down", retryable=True, status=503), "settled 0"),
        (ProviderError("lost", retryable=True, maybe_billed=True), "settled 150"),
        (TimeoutError(), "settled 150"),
        # No money left: slower is no remedy.
        (ProviderError("quota", retryable=False, status=429), "settled 0"),
        (ProviderError("bad", retryable=False, status=400), "settled 0"),
    ],
)
async def test_other_failures_use_up_what_they_may_have_used(
    world: World, failure: Exception, told: str
) -> None:
    world.replies = [failure]
    with pytest.raises((ProviderDown, ProviderRefused)):
        await pay(payments_of(world, tries=1), world)
    assert world.diary[-1] == told
    assert most_tokens(question()) == 150


async def test_a_call_over_the_budget_gives_its_turn_back(world: World) -> None:
    world.over_budget = True
    with pytest.raises(OverBudget):
        await pay(payments_of(world), world)
    assert world.diary == ["admitted", "given back"]


async def test_the_same_question_twice_is_sent_once_and_the_other_turn_goes_back(
    world: World,
) -> None:
    await world.turns.acquire()
    payments = payments_of(world)
    calls = [asyncio.create_task(pay(payments, world)) for _ in range(2)]
    await _until(lambda: len(world.asked) == 2)
    world.turns.release()
    world.turns.release()
    one, two = await asyncio.gather(*calls)
    assert one is two
    assert world.diary.count("sent") == 1
    assert world.diary.count("given back") == 1


async def test_draining_ends_every_wait(world: World) -> None:
    world.replies = [ProviderError("slow", retryable=True, status=429)]
    payments = payments_of(world)
    again = asyncio.create_task(pay(payments, world, "again"))
    await _until(lambda: len(world.asked) == 2)
    first = asyncio.create_task(pay(payments, world, "first"))
    await _until(lambda: len(world.asked) == 3)
    payments.drain()
    for call in (again, first):
        with pytest.raises(Drained):
            await call
    assert world.diary.count("sent") == 1


async def test_the_end_of_a_run_does_not_wait_for_a_call_that_waits_to_be_sent_again(
    world: World,
) -> None:
    world.replies = [ProviderError("slow", retryable=True, status=429)]
    payments = payments_of(world)
    call = asyncio.create_task(pay(payments, world))
    await _until(lambda: len(world.asked) == 2)
    async with asyncio.timeout(2):
        await payments.settle()
    with pytest.raises(Cancelled):
        await call
