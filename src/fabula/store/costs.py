"""What an owner's runs have cost over some days, and one run by agent: sums made by the database.

Money is in nano-USD. An answered call counts on the day of its answer, one in doubt on the day on
which it was sent. A calendar day is the one of a fixed offset from UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, case, cast, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from fabula.store.engine import Store
from fabula.store.ledger import is_doubtful
from fabula.store.tables import db_now, ledger, runs

DAY_S = 86_400


class whole_days(GenericFunction[int]):  # noqa: N801 - an SQL function
    """The number of whole days in so many seconds that are not below 0."""

    type = BigInteger()
    inherit_cache = True


class step_of(GenericFunction[str]):  # noqa: N801 - an SQL function
    """The part of an item before its first slash: the step that the item belongs to."""

    inherit_cache = True


@compiles(whole_days, "sqlite")
def _sqlite_days(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(({compiler.process(element.clauses, **kw)}) / {DAY_S}.0 AS INTEGER)"


@compiles(whole_days, "postgresql")
def _postgresql_days(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(floor(({compiler.process(element.clauses, **kw)}) / {DAY_S}.0) AS BIGINT)"


@compiles(step_of, "sqlite")
def _sqlite_step(element: Any, compiler: Any, **kw: Any) -> str:
    item = compiler.process(element.clauses, **kw)
    return f"substr({item}, 1, instr({item} || '/', '/') - 1)"


@compiles(step_of, "postgresql")
def _postgresql_step(element: Any, compiler: Any, **kw: Any) -> str:
    return f"split_part({compiler.process(element.clauses, **kw)}, '/', 1)"


@dataclass(frozen=True)
class Spent:
    """What calls of one kind cost: `cost` for answers, `in_doubt` at most for those without."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: int
    in_doubt_calls: int
    in_doubt: int


@dataclass(frozen=True)
class DaySpent(Spent):
    """One day's sums of a product's step by a model; `day` counts from 1970-01-01."""

    day: int
    product: str
    step: str
    model: str


@dataclass(frozen=True)
class AgentSpent(Spent):
    """One agent's sums of a run, by the model that answered."""

    agent: str
    model: str


@dataclass(frozen=True)
class Days:
    """Calendar days from `first` up to `last`, both counted; `offset_s` is the zone's, from UTC."""

    first: int
    last: int
    offset_s: int


async def today(store: Store, offset_s: int) -> int:
    """Return the number of the day that it is now on the database's clock."""
    return int((await store.read(select(whole_days(db_now() + offset_s)))).scalar_one())


async def spent_by_day(store: Store, owner: str, days: Days) -> Sequence[DaySpent]:
    """Sum up an owner's calls by day, product, step and model."""
    at = case((_ANSWERED, ledger.c.answered_at), else_=ledger.c.claimed_at)
    by = (
        whole_days(at + days.offset_s).label("day"),
        runs.c.product.label("product"),
        step_of(ledger.c.item).label("step"),
        _MODEL,
    )
    begin = days.first * DAY_S - days.offset_s
    end = (days.last + 1) * DAY_S - days.offset_s
    query = (
        _sums(*by).where(runs.c.owner == owner, at >= begin, at < end).group_by(*by).order_by(*by)
    )
    return [DaySpent(**row) for row in (await store.read(query)).mappings()]


async def spent_by_agent(store: Store, run: str) -> Sequence[AgentSpent]:
    """Sum up a run's calls by agent and model."""
    by = (ledger.c.agent.label("agent"), _MODEL)
    query = _sums(*by).where(ledger.c.run == run).group_by(*by).order_by(*by)
    return [AgentSpent(**row) for row in (await store.read(query)).mappings()]


async def spent_by_run(store: Store, of: Sequence[str]) -> dict[str, int]:
    """Return what each of these runs paid for answers."""
    query = (
        select(ledger.c.run, func.sum(ledger.c.cost).label("cost"))
        .where(ledger.c.run.in_(of), _ANSWERED)
        .group_by(ledger.c.run)
    )
    return {row.run: int(row.cost) for row in await store.read(query)} if of else {}


_ANSWERED = ledger.c.state == "answered"
_DOUBTFUL = is_doubtful()
_MODEL = (ledger.c.provider + ":" + ledger.c.model).label("model")


def _sums(*by: Any) -> Select[Any]:
    def total(condition: Any, column: Any) -> Any:
        # PostgreSQL sums bigints as numerics.
        return cast(func.coalesce(func.sum(case((condition, column), else_=0)), 0), BigInteger)

    return (
        select(
            *by,
            total(_ANSWERED, 1).label("calls"),
            total(_ANSWERED, ledger.c.input_tokens).label("input_tokens"),
            total(_ANSWERED, ledger.c.output_tokens).label("output_tokens"),
            total(_ANSWERED, ledger.c.cost).label("cost"),
            total(_DOUBTFUL, 1).label("in_doubt_calls"),
            total(_DOUBTFUL, ledger.c.reserved).label("in_doubt"),
        )
        .select_from(ledger.join(runs, runs.c.id == ledger.c.run))
        .where(or_(_ANSWERED, _DOUBTFUL))
    )
