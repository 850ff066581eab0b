"""The ledger: what was paid for. A call is claimed before it is sent and answered before use.

A claim reserves the call's highest price. It ends `answered` (the true cost stands in for the
reservation), `released` (the provider refused it: nothing to pay) or `in_doubt` (no answer came,
but it may be billed). A claim of an older epoch is in doubt too: its process died. What is in
doubt keeps its reserved price as the upper bound of what was lost, in the budget as well.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Float, Row, bindparam, case, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.errors import FabulaError, OverBudget
from fabula.store.engine import Fence, Store, hold, lease_lost
from fabula.store.tables import NANO, db_now, ledger, runs
from fabula.store.texts import fitted

_BUDGET_DIGITS = 2


@dataclass(frozen=True)
class Question:
    """One question as the ledger knows it; `key` is the hash that makes it the same question.

    `input_price` and `output_price` are nano-USD a token, as (numerator, denominator-free) floats;
    `estimated_tokens` is the highest guess at the prompt's tokens, `max_output_tokens` the limit
    that the provider was given.
    """

    key: str
    agent: str
    item: str
    attempt: int
    ask: int
    provider: str
    model: str
    estimated_tokens: int
    max_output_tokens: int
    input_price: float
    output_price: float


@dataclass(frozen=True)
class Answered:
    """A paid answer as it was recorded; `cost` is in nano-USD."""

    key: str
    agent: str
    item: str
    attempt: int
    ask: int
    provider: str
    model: str
    model_version: str
    text: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    cost: int


@dataclass(frozen=True)
class Totals:
    """A run's money and calls; costs in nano-USD.

    `answered` is what was paid for answers, `open` what calls in flight may cost, `in_doubt` the
    upper bound of what was paid for answers that never arrived.
    """

    answered: int
    open: int
    in_doubt: int
    calls: int
    doubtful_calls: int
    input_tokens: int
    output_tokens: int

    @property
    def usd(self) -> float:
        """What was paid for answers, in USD."""
        return self.answered / NANO


class AllowanceSpent(FabulaError):
    """The item has used its paid calls; `used` of `allowed`."""

    code = "allowance_spent"

    def __init__(self, item: str, used: int, allowed: int) -> None:
        super().__init__(
            f"`{item}` has used {used} of its {allowed} paid calls",
            f"`{item}`에 허용한 호출 {allowed}번 가운데 {used}번을 썼습니다",
        )


class Ledger:
    """The ledger of one run, written under its fence."""

    def __init__(self, store: Store, fence: Fence) -> None:
        self._store = store
        self._fence = fence

    async def find(self, key: str) -> Answered | None:
        """Return the answer to the same question, if it was paid for already."""
        row = (
            await self._store.read(_FIND, {"of_run": self._fence.run, "of_key": key})
        ).one_or_none()
        return _answered(row) if row else None

    async def claim(self, question: Question, *, allowance: int) -> str:
        """Reserve the question's highest price and return the claim's id.

        Raises LeaseLost, AllowanceSpent, or OverBudget when what was paid, what is open, what is
        in doubt and this call together could pass the run's budget.
        """
        claim = secrets.token_hex(8)

        async def write(connection: AsyncConnection) -> str:
            run = await hold(connection, self._fence)
            # After the lock: a snapshot from before it would miss what another claim reserved.
            sums = (await connection.execute(_SUMS, self._asked(question))).one()
            allowed = allowance * (1 + run.grants.get(question.item, 0))
            if sums.used >= allowed:
                raise AllowanceSpent(question.item, sums.used, allowed)
            reserved = _highest_price(question, sums.ratio)
            if run.budget is not None:
                _check_budget(question, reserved, run.budget, sums)
            values = {
                "id": claim,
                "run": self._fence.run,
                "epoch": self._fence.epoch,
                "state": "claimed",
                "key": question.key,
                "agent": fitted(question.agent, ledger.c.agent),
                "item": fitted(question.item, ledger.c.item),
                "attempt": question.attempt,
                "ask": question.ask,
                "provider": fitted(question.provider, ledger.c.provider),
                "model": fitted(question.model, ledger.c.model),
                "estimated_tokens": question.estimated_tokens,
                "reserved": reserved,
            }
            # The run's row is locked: the fence cannot move before this commits.
            await connection.execute(_CLAIM, values)
            return claim

        return await self._store.write(write)

    async def confirm(self) -> None:
        """Return where the run is still this process's; LeaseLost when it was taken over."""
        values = {"of_run": self._fence.run, "of_epoch": self._fence.epoch}
        if (await self._store.read(_MINE, values)).one_or_none() is None:
            raise lease_lost(self._fence)

    async def record(self, claim: str, answer: Answered) -> None:
        """Put the answer in the claim's place; LeaseLost when the run was taken over."""
        await self._end(
            claim,
            _ANSWER,
            state="answered",
            model_version=fitted(answer.model_version, ledger.c.model_version),
            text=answer.text,
            finish_reason=fitted(answer.finish_reason, ledger.c.finish_reason),
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost=answer.cost,
        )

    async def release(self, claim: str) -> None:
        """Drop the reservation of a call that the provider refused."""
        await self._end(claim, _END, state="released")

    async def doubt(self, claim: str) -> None:
        """Keep the reservation of a call that brought no answer but may be billed."""
        await self._end(claim, _END, state="in_doubt")

    async def _end(self, claim: str, statement: Any, **values: Any) -> None:
        held = {"of_claim": claim, "of_run": self._fence.run, "of_epoch": self._fence.epoch}
        if await self._store.write_row(statement, {**held, **values}) != 1:
            raise lease_lost(self._fence)

    def _asked(self, question: Question) -> dict[str, Any]:
        return {
            "of_run": self._fence.run,
            "of_epoch": self._fence.epoch,
            "of_item": fitted(question.item, ledger.c.item),
            "of_model": fitted(question.model, ledger.c.model),
        }


def _highest_price(question: Question, ratio: float | None) -> int:
    # Recorded usage corrects the estimate upwards, so that a reservation stays an upper bound.
    prompt = question.estimated_tokens * max(1.0, ratio or 1.0) * question.input_price
    return math.ceil(prompt + question.max_output_tokens * question.output_price)


def _check_budget(question: Question, reserved: int, budget: int, sums: Row[Any]) -> None:
    held = int(sums.open) + int(sums.in_doubt)
    needed = int(sums.answered) + held + reserved
    if reserved and needed > budget:
        least = typed_budget(needed)
        raise OverBudget(
            f"{question.agent} for `{question.item}` may cost {reserved / NANO:.6f} USD; of "
            f"the budget of {budget / NANO:.6f} USD, {sums.answered / NANO:.6f} is paid and "
            f"{held / NANO:.6f} is reserved or in doubt: resume with a budget "
            f"of {least} USD or more",
            f"다음 호출은 최대 {reserved / NANO:.6f} USD가 듭니다. 예산 "
            f"{budget / NANO:.6f} USD 가운데 {sums.answered / NANO:.6f} USD를 썼고 "
            f"{held / NANO:.6f} USD는 잡혀 있습니다. "
            f"예산을 {least} USD 이상으로 올려 이어서 실행하세요",
            needed=least,
        )


def typed_budget(nano: int) -> str:
    """Write an amount as a budget is typed: in USD, rounded up to two digits, never as `2e-06`."""
    unit: int = 10 ** max(len(str(nano)) - _BUDGET_DIGITS, 0)
    whole, part = divmod(-(-nano // unit) * unit, NANO)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".")


def _sums() -> Any:
    """Sum up, in one pass over a held run's ledger, all that a claim is judged by."""
    answered = ledger.c.state == "answered"
    open_now = (ledger.c.state == "claimed") & (ledger.c.epoch == bindparam("of_epoch"))
    died = (ledger.c.state == "claimed") & (ledger.c.epoch < bindparam("of_epoch"))
    of_item = ledger.c.item == bindparam("of_item")
    of_model = ledger.c.model == bindparam("of_model")
    ratio = cast(ledger.c.input_tokens, Float) / ledger.c.estimated_tokens
    return select(
        _total(answered, ledger.c.cost).label("answered"),
        _total(open_now, ledger.c.reserved).label("open"),
        _total((ledger.c.state == "in_doubt") | died, ledger.c.reserved).label("in_doubt"),
        _total(of_item & (answered | open_now), 1).label("used"),
        func.max(case((of_model & answered, ratio))).label("ratio"),
    ).where(ledger.c.run == bindparam("of_run"))


def _total(condition: Any, column: Any) -> Any:
    return func.coalesce(func.sum(case((condition, column), else_=0)), 0)


def _ending() -> Any:
    owned = (
        select(runs.c.id)
        .where(runs.c.id == bindparam("of_run"), runs.c.epoch == bindparam("of_epoch"))
        .with_for_update(read=True)
        .scalar_subquery()
    )
    mine = (ledger.c.id == bindparam("of_claim")) & (ledger.c.run == owned)
    return update(ledger).where(mine)


# Built once: making these statements anew costs more than running them.
_SUMS = _sums()
_END = _ending()
_ANSWER = _END.values(answered_at=db_now())
_MINE = select(runs.c.id).where(
    runs.c.id == bindparam("of_run"), runs.c.epoch == bindparam("of_epoch")
)
_FIND = select(ledger).where(
    ledger.c.run == bindparam("of_run"),
    ledger.c.key == bindparam("of_key"),
    ledger.c.state == "answered",
)
_CLAIM = ledger.insert().values(claimed_at=db_now())


async def totals(store: Store, run: str) -> Totals:
    """Derive a run's money from its ledger."""
    return _totals((await store.read(_totals_query(run))).one())


async def entries(store: Store, run: str) -> Sequence[Row[Any]]:
    """Return a run's ledger rows without the answers' text, in the order of their claims."""
    columns = [column for column in ledger.c if column.name != "text"]
    doubtful = is_doubtful().label("doubtful")
    query = (
        select(*columns, doubtful)
        .join(runs, runs.c.id == ledger.c.run)
        .where(ledger.c.run == run)
        .order_by(ledger.c.claimed_at, ledger.c.id)
    )
    return (await store.read(query)).all()


def is_doubtful() -> Any:
    """Return the condition of a call without an answer that may be billed; it reads `runs` too."""
    dead = (ledger.c.state == "claimed") & (
        (ledger.c.epoch < runs.c.epoch) | runs.c.worker.is_(None)
    )
    return (ledger.c.state == "in_doubt") | dead


def _totals_query(run: str) -> Any:
    answered = ledger.c.state == "answered"
    doubtful = is_doubtful()
    is_open = (ledger.c.state == "claimed") & ~doubtful

    return (
        select(
            _total(answered, ledger.c.cost),
            _total(is_open, ledger.c.reserved),
            _total(doubtful, ledger.c.reserved),
            _total(answered, 1),
            _total(doubtful, 1),
            _total(answered, ledger.c.input_tokens),
            _total(answered, ledger.c.output_tokens),
        )
        .select_from(ledger.join(runs, runs.c.id == ledger.c.run))
        .where(ledger.c.run == run)
    )


def _totals(row: Any) -> Totals:
    return Totals(*(int(value) for value in row))


def _answered(row: Row[Any]) -> Answered:
    fields = {name: getattr(row, name) for name in Answered.__dataclass_fields__}
    return Answered(**fields)
