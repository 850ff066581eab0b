"""The outbox of webhooks: what is told of a run is written with the change that it tells of."""

from __future__ import annotations

import json
import secrets
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.store.engine import insert_into
from fabula.store.tables import db_now, deliveries

TOLD = ("succeeded", "failed", "cancelled", "timed_out", "over_budget", "waiting")
"""The statuses that a webhook is told of."""


async def announce(connection: AsyncConnection, run: Any, status: str, code: str | None) -> None:
    """Put word of a run's new status into the outbox, where the run has a webhook.

    `run` is the row as it was before; the caller's transaction writes the change itself.
    """
    if not run.webhook or status not in TOLD:
        return
    event = f"run.{status}"
    body = {
        "type": event,
        "run_id": run.id,
        "product": run.product,
        "project": run.project,
        "thread": run.thread,
        "status": status,
        "code": code,
    }
    row = {
        "id": secrets.token_hex(16),
        "run": run.id,
        "epoch": run.epoch,
        "event": event,
        "url": run.webhook,
        "body": json.dumps(body, ensure_ascii=False, sort_keys=True),
        "state": "waiting",
        "tries": 0,
        "next_at": db_now(),
        "created_at": db_now(),
    }
    statement = insert_into(connection, deliveries).values(**row)
    await connection.execute(statement.on_conflict_do_nothing())
