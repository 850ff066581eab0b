"""What an owner's past runs of a product used: the correction of an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Float, cast, distinct, func, select

from fabula.store.engine import Store
from fabula.store.tables import ledger, runs

RECENT_RUNS = 200


@dataclass(frozen=True)
class Usage:
    """What one agent's answers by one model used, over the runs that were looked at.

    `ratio` is true input over estimated input, together and of the worst call; `calls_each` is
    how many paid calls an item took.
    """

    calls: int
    ratio: float
    ratio_most: float
    output_tokens: float
    calls_each: float


async def recorded_usage(
    store: Store, product: str, owner: str
) -> Mapping[tuple[str, str, str], Usage]:
    """Sum up the paid answers of an owner's newest runs by (agent, provider, model).

    Nobody's numbers tell of another owner's work.
    """
    newest = (
        select(runs.c.id)
        .where(runs.c.owner == owner, runs.c.product == product)
        .order_by(runs.c.created_at.desc(), runs.c.id.desc())
        .limit(RECENT_RUNS)
    )
    by = (ledger.c.agent, ledger.c.provider, ledger.c.model)
    true_input, guess = cast(ledger.c.input_tokens, Float), ledger.c.estimated_tokens
    query = (
        select(
            *by,
            func.count().label("calls"),
            (func.sum(true_input) / func.sum(guess)).label("ratio"),
            func.max(true_input / guess).label("ratio_most"),
            func.avg(cast(ledger.c.output_tokens, Float)).label("output_tokens"),
            func.count(distinct(ledger.c.run + "/" + ledger.c.item)).label("items"),
        )
        .where(ledger.c.run.in_(newest), ledger.c.state == "answered", guess > 0)
        .group_by(*by)
    )
    return {
        (row.agent, row.provider, row.model): Usage(
            calls=row.calls,
            ratio=row.ratio,
            ratio_most=row.ratio_most,
            output_tokens=row.output_tokens,
            calls_each=row.calls / row.items,
        )
        for row in (await store.read(query)).all()
    }
