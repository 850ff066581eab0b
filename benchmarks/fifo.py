"""First in, first out: the order that fair claims are measured against. For that alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.store.claims import CLAIM_LOCK, Claimed, claim_run, take_claimed
from fabula.store.engine import Store
from fabula.store.tables import db_now, runs

SWITCH = "CREATE TABLE claim_order (fifo boolean NOT NULL); INSERT INTO claim_order VALUES (false)"
"""Makes the table by which a measurement turns the order over while workers go on."""


async def switched_claim(store: Store, queue: str, **named: Any) -> Claimed | None:
    """Claim in the order that the database names now; both orders pay for the look."""
    fifo = (await store.read(sql("SELECT fifo FROM claim_order"))).scalar_one()
    if not fifo:
        return await claim_run(store, queue, **named)
    return await claim_first(store, queue, worker=named["worker"], lease_s=named["lease_s"])


async def claim_first(store: Store, queue: str, *, worker: str, lease_s: float) -> Claimed | None:
    """Claim the oldest due run, whosever it is."""

    async def write(connection: AsyncConnection) -> Claimed | None:
        await connection.execute(sql("SELECT pg_advisory_xact_lock(:n)"), {"n": CLAIM_LOCK})
        waits = (runs.c.not_before.is_(None)) | (runs.c.not_before <= db_now())
        oldest = (
            select(runs)
            .where(sql("queue IS NOT NULL AND status = 'queued'"), runs.c.queue == queue, waits)
            .order_by(runs.c.created_at, runs.c.id)
            .limit(1)
            .with_for_update(key_share=True)
        )
        row = (await connection.execute(oldest)).one_or_none()
        return await take_claimed(connection, row, worker, lease_s) if row else None

    return await store.write(write)
