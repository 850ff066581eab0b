from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from fabula.errors import LeaseLost, OverBudget
from fabula.runs.checks import nano
from fabula.store.engine import Fence, Store
from fabula.store.ledger import (
    AllowanceSpent,
    Answered,
    Ledger,
    Question,
    entries,
    totals,
    typed_budget,
)
from fabula.store.runs import take_run
from fabula.store.texts import storable

MakeRun = Callable[..., Awaitable[Fence]]
QUESTION = Question(
    key="k1",
    agent="magazine.outline",
    item="plan_outline",
    attempt=0,
    ask=0,
    provider="openai",
    model="m",
    estimated_tokens=100,
    max_output_tokens=100,
    input_price=1.0,
    output_price=2.0,
)
HIGHEST = 100 * 1 + 100 * 2


def answer(question: Question, cost: int = 50, input_tokens: int = 80) -> Answered:
    return Answered(
        key=question.key,
        agent=question.agent,
        item=question.item,
        attempt=question.attempt,
        ask=question.ask,
        provider=question.provider,
        model=question.model,
        model_version="m-1",
        text='{"a": 1}',
        finish_reason="stop",
        input_tokens=input_tokens,
        output_tokens=10,
        cost=cost,
    )


async def test_an_answer_is_found_again_and_is_free(store: Store, make_run: MakeRun) -> None:
    ledger = Ledger(store, await make_run())
    assert await ledger.find("k1") is None
    await ledger.record(await ledger.claim(QUESTION, allowance=4), answer(QUESTION))
    assert await ledger.find("k1") == answer(QUESTION)
    assert (await totals(store, "r1")).answered == 50


async def test_a_claim_reserves_its_highest_price_until_it_is_answered(
    store: Store, make_run: MakeRun
) -> None:
    ledger = Ledger(store, await make_run())
    claim = await ledger.claim(QUESTION, allowance=4)
    assert (await totals(store, "r1")).open == HIGHEST
    await ledger.record(claim, answer(QUESTION))
    sums = await totals(store, "r1")
    assert (sums.answered, sums.open, sums.in_doubt) == (50, 0, 0)


async def test_a_released_claim_costs_nothing_and_a_doubtful_one_its_reservation(
    store: Store, make_run: MakeRun
) -> None:
    ledger = Ledger(store, await make_run())
    await ledger.release(await ledger.claim(QUESTION, allowance=4))
    await ledger.doubt(await ledger.claim(QUESTION, allowance=4))
    sums = await totals(store, "r1")
    assert (sums.answered, sums.open, sums.in_doubt, sums.doubtful_calls) == (0, 0, HIGHEST, 1)


async def test_parallel_claims_never_pass_the_budget(store: Store, make_run: MakeRun) -> None:
    ledger = Ledger(store, await make_run(budget=3 * HIGHEST + HIGHEST // 2))
    questions = [replace(QUESTION, key=f"k{n}", item=f"i{n}") for n in range(8)]
    claims = await asyncio.gather(
        *(ledger.claim(question, allowance=4) for question in questions), return_exceptions=True
    )
    assert sum(isinstance(claim, str) for claim in claims) == 3
    assert sum(isinstance(claim, OverBudget) for claim in claims) == 5


async def test_the_budget_that_is_asked_for_lets_the_refused_call_pass(
    store: Store, make_run: MakeRun
) -> None:
    fence = await make_run(budget=HIGHEST + 1, lease_s=0.0)
    ledger = Ledger(store, fence)
    await ledger.doubt(await ledger.claim(QUESTION, allowance=4))
    second = replace(QUESTION, key="k2")
    with pytest.raises(OverBudget) as stopped:
        await ledger.claim(second, allowance=4)
    needed = stopped.value.needed
    assert needed
    assert needed in stopped.value.en
    assert needed in stopped.value.ko
    budget = nano(float(needed))
    assert budget is not None
    assert 2 * HIGHEST <= budget <= 2.2 * HIGHEST
    epoch = await take_run(store, "r1", worker="you", lease_s=3, budget=budget)
    assert epoch is not None
    assert await Ledger(store, Fence("r1", epoch)).claim(second, allowance=4)


@pytest.mark.parametrize(
    ("amount", "typed"),
    [
        (1, "0.000000001"),
        (2_000, "0.000002"),
        (205_559_000, "0.21"),
        (210_000_000, "0.21"),
        (9_990_000_000, "10"),
        (1_234_000_000_000, "1300"),
    ],
)
def test_a_budget_is_typed_with_few_digits_and_never_less(amount: int, typed: str) -> None:
    assert typed_budget(amount) == typed
    assert (nano(float(typed)) or 0) >= amount


async def test_a_free_call_passes_a_spent_budget(store: Store, make_run: MakeRun) -> None:
    ledger = Ledger(store, await make_run(budget=HIGHEST))
    await ledger.record(await ledger.claim(QUESTION, allowance=4), answer(QUESTION, cost=HIGHEST))
    free = replace(QUESTION, key="k2", input_price=0.0, output_price=0.0)
    assert await ledger.claim(free, allowance=4)


async def test_allowance_counts_answers_but_neither_doubt_nor_refusals(
    store: Store, make_run: MakeRun
) -> None:
    ledger = Ledger(store, await make_run())
    await ledger.release(await ledger.claim(QUESTION, allowance=2))
    await ledger.doubt(await ledger.claim(QUESTION, allowance=2))
    for ask in range(2):
        question = replace(QUESTION, key=f"a{ask}", ask=ask)
        await ledger.record(await ledger.claim(question, allowance=2), answer(question))
    with pytest.raises(AllowanceSpent, match="2 of its 2"):
        await ledger.claim(replace(QUESTION, key="a3"), allowance=2)
    await ledger.claim(replace(QUESTION, key="o", item="other"), allowance=2)


async def test_a_grant_gives_the_item_its_allowance_once_more(
    store: Store, make_run: MakeRun
) -> None:
    fence = await make_run(lease_s=0.0)
    ledger = Ledger(store, fence)
    await ledger.record(await ledger.claim(QUESTION, allowance=1), answer(QUESTION))
    epoch = await take_run(store, "r1", worker="you", lease_s=3, grant="plan_outline")
    assert epoch is not None
    granted = Ledger(store, Fence("r1", epoch))
    assert await granted.claim(replace(QUESTION, key="k2"), allowance=1)


async def test_a_claim_of_a_dead_process_is_in_doubt_and_claimed_again(
    store: Store, make_run: MakeRun
) -> None:
    dead = Ledger(store, await make_run(lease_s=0.0))
    lost = await dead.claim(QUESTION, allowance=4)
    epoch = await take_run(store, "r1", worker="you", lease_s=3)
    assert epoch == 2
    alive = Ledger(store, Fence("r1", epoch))
    sums = await totals(store, "r1")
    assert (sums.open, sums.in_doubt, sums.doubtful_calls) == (0, HIGHEST, 1)
    await alive.record(await alive.claim(QUESTION, allowance=4), answer(QUESTION))
    with pytest.raises(LeaseLost):
        await dead.record(lost, answer(QUESTION, cost=999))
    with pytest.raises(LeaseLost):
        await dead.claim(replace(QUESTION, key="k9"), allowance=4)
    assert (await totals(store, "r1")).answered == 50
    assert [row.state for row in await entries(store, "r1")] == ["claimed", "answered"]


async def test_what_is_in_doubt_stays_within_the_budget(store: Store, make_run: MakeRun) -> None:
    dead = Ledger(store, await make_run(budget=2 * HIGHEST - 1, lease_s=0.0))
    await dead.claim(QUESTION, allowance=4)
    epoch = await take_run(store, "r1", worker="you", lease_s=3)
    with pytest.raises(OverBudget, match="in doubt"):
        await Ledger(store, Fence("r1", epoch or 0)).claim(QUESTION, allowance=4)


async def test_recorded_usage_corrects_a_low_estimate(store: Store, make_run: MakeRun) -> None:
    ledger = Ledger(store, await make_run())
    await ledger.record(
        await ledger.claim(QUESTION, allowance=4), answer(QUESTION, input_tokens=300)
    )
    await ledger.claim(replace(QUESTION, key="k2"), allowance=4)
    assert (await totals(store, "r1")).open == 300 * 1 + 100 * 2


async def test_no_character_and_no_length_keeps_a_paid_answer_from_being_recorded(
    store: Store, make_run: MakeRun
) -> None:
    ledger = Ledger(store, await make_run())
    odd = replace(
        answer(QUESTION),
        text=storable("가\x00\ud83d나😀"),
        model_version="m\x00" * 200,
        finish_reason="stop" * 50,
    )
    await ledger.record(await ledger.claim(QUESTION, allowance=4), odd)
    found = await ledger.find("k1")
    assert found is not None
    assert found.text == odd.text == "가\ufffd\ufffd나😀"
    assert (len(found.model_version), len(found.finish_reason)) == (127, 64)


async def test_items_too_long_for_their_column_stay_two_items(
    store: Store, make_run: MakeRun
) -> None:
    ledger = Ledger(store, await make_run())
    long = replace(QUESTION, item="가" * 300 + "1")
    await ledger.claim(long, allowance=1)
    await ledger.claim(replace(long, key="k2", item="가" * 300 + "2"), allowance=1)
    with pytest.raises(AllowanceSpent):
        await ledger.claim(replace(long, key="k3"), allowance=1)
    assert {len(row.item) for row in await entries(store, "r1")} == {255}


async def test_calls_that_a_kill_lost_use_up_no_allowance(store: Store, make_run: MakeRun) -> None:
    fence = await make_run(lease_s=0.0)
    for _ in range(6):
        await Ledger(store, fence).claim(QUESTION, allowance=2)
        epoch = await take_run(store, "r1", worker="you", lease_s=0.0)
        assert epoch is not None
        fence = Fence("r1", epoch)
    ledger = Ledger(store, fence)
    await ledger.record(await ledger.claim(QUESTION, allowance=2), answer(QUESTION))
    assert (await totals(store, "r1")).doubtful_calls == 6
