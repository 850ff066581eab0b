"""Deliveries of webhooks: taken for a short while, tried, written down, tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.store.engine import Store
from fabula.store.tables import db_now, deliveries, delivery_tries, runs


@dataclass(frozen=True)
class Due:
    """A delivery that this process now tries for the `number`th time."""

    id: str
    run: str
    owner: str
    event: str
    url: str
    body: str
    number: int


@dataclass(frozen=True)
class Try:
    """One try: the status it was answered with, or why there was none.

    Neither: it was sent, or about to be, by a process that ended.
    """

    number: int
    at: float
    status: int | None
    error: str | None


@dataclass(frozen=True)
class Delivery:
    """What was told, or is to be told, about a run; `state`: waiting, delivered, given_up."""

    id: str
    event: str
    url: str
    state: str
    created_at: float
    next_at: float | None
    delivered_at: float | None
    tries: tuple[Try, ...]


async def take_deliveries(store: Store, *, hold_s: float, most: int) -> Sequence[Due]:
    """Take what is due; nobody else takes it for `hold_s` seconds. Each taking is a try."""
    free = or_(deliveries.c.taken_until.is_(None), deliveries.c.taken_until <= db_now())
    query = (
        select(deliveries, runs.c.owner)
        .join(runs, runs.c.id == deliveries.c.run)
        .where(deliveries.c.state == "waiting", deliveries.c.next_at <= db_now(), free)
        .order_by(deliveries.c.next_at, deliveries.c.id)
        .limit(most)
        .with_for_update(of=deliveries, skip_locked=True)
    )

    async def write(connection: AsyncConnection) -> Sequence[Due]:
        rows = (await connection.execute(query)).all()
        for row in rows:
            await connection.execute(
                update(deliveries)
                .where(deliveries.c.id == row.id)
                .values(tries=row.tries + 1, taken_until=db_now() + hold_s)
            )
            await connection.execute(
                delivery_tries.insert().values(delivery=row.id, number=row.tries + 1, at=db_now())
            )
        return [
            Due(row.id, row.run, row.owner, row.event, row.url, row.body, row.tries + 1)
            for row in rows
        ]

    # One look without a lock first: most of the time nothing is due.
    waiting = select(deliveries.c.id).where(
        deliveries.c.state == "waiting", deliveries.c.next_at <= db_now(), free
    )
    if (await store.read(waiting.limit(1))).first() is None:
        return ()
    return await store.write(write)


async def record_try(
    store: Store,
    due: Due,
    *,
    status: int | None,
    error: str | None,
    delivered: bool,
    wait_s: float | None,
) -> None:
    """Write down how a try went: delivered, due again after `wait_s`, or None: given up.

    A try that another process has overtaken says so of itself alone, unless it has delivered.
    """
    mine = (deliveries.c.id == due.id) & (deliveries.c.state == "waiting")
    if delivered:
        state, next_at = "delivered", None
    else:
        mine &= deliveries.c.tries == due.number
        state = "waiting" if wait_s is not None else "given_up"
        next_at = db_now() + wait_s if wait_s is not None else None
    changes = {
        "state": state,
        "next_at": next_at,
        "taken_until": None,
        "delivered_at": db_now() if delivered else None,
    }

    async def write(connection: AsyncConnection) -> None:
        await connection.execute(
            update(delivery_tries)
            .where(delivery_tries.c.delivery == due.id, delivery_tries.c.number == due.number)
            .values(status=status, error=error[:255] if error else None)
        )
        await connection.execute(update(deliveries).where(mine).values(**changes))

    await store.write(write)


async def list_deliveries(store: Store, run: str) -> Sequence[Delivery]:
    """Return what was told about a run, oldest first, with every try."""
    rows = (
        await store.read(
            select(deliveries)
            .where(deliveries.c.run == run)
            .order_by(deliveries.c.created_at, deliveries.c.id)
        )
    ).all()
    tried = (
        await store.read(
            select(delivery_tries)
            .join(deliveries, deliveries.c.id == delivery_tries.c.delivery)
            .where(deliveries.c.run == run)
            .order_by(delivery_tries.c.number)
        )
    ).all()
    return [
        Delivery(
            id=row.id,
            event=row.event,
            url=row.url,
            state=row.state,
            created_at=row.created_at,
            next_at=row.next_at,
            delivered_at=row.delivered_at,
            tries=tuple(
                Try(one.number, one.at, one.status, one.error)
                for one in tried
                if one.delivery == row.id
            ),
        )
        for row in rows
    ]
