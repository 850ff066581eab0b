"""The queue is the runs table: rows that wait for workers, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, or_, select, update
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.documents import Document
from fabula.errors import Conflict
from fabula.store.claims import WAITING, in_time
from fabula.store.engine import Store
from fabula.store.events import Event, add_event, insert_events
from fabula.store.runs import Copied, NewRun, write_run
from fabula.store.tables import db_now, projects, runs


async def submit_run(
    store: Store,
    run: NewRun,
    brief: Document,
    *,
    after_s: float | None = None,
    copied: Copied | None = None,
    opening: Sequence[Event] = (),
) -> tuple[str, bool]:
    """Write a run that is due for any worker of its queue; return its id and whether it is new.

    `opening` are its first events. The same owner's idempotency key with the same request gives
    the run that it made before. Raises Conflict for the same key with another request, and for a
    second active run of a thread.
    """
    standing = {
        "status": "queued",
        "epoch": 0,
        "not_before": db_now() + after_s if after_s else None,
    }

    async def write(connection: AsyncConnection) -> tuple[str, bool]:
        if run.idempotency_key is not None:
            found = await connection.execute(_of_key(run.owner, run.idempotency_key))
            if known := _same_request(found.one_or_none(), run.request_hash):
                return known, False
        await _refuse_second_of_thread(connection, run)
        project = {"owner": run.owner, "name": run.project, "turn": 0, "parts": 0}
        await connection.execute(_KNOW_PROJECT[connection.dialect.name], project)
        await write_run(connection, run, brief, standing, copied=copied)
        if opening:
            await insert_events(connection, run.id, opening, after=0)
        return run.id, True

    try:
        return await store.write(write)
    except IntegrityError:
        # Another process was faster between the look and the row; what it wrote is seen now.
        return await store.write(write)


async def run_of_key(store: Store, owner: str, key: str, request_hash: str) -> str | None:
    """Return the run that an owner's idempotency key made; Conflict where another request did."""
    return _same_request((await store.read(_of_key(owner, key))).one_or_none(), request_hash)


async def oldest_due(store: Store) -> dict[str, float]:
    """Return, for each queue with something due, how long its oldest run has waited, in seconds."""
    since = func.coalesce(runs.c.not_before, runs.c.created_at)
    query = (
        select(runs.c.queue, (db_now() - func.min(since)).label("age"))
        .where(sql(WAITING), in_time())
        .group_by(runs.c.queue)
    )
    return {str(row.queue): float(row.age) for row in await store.read(query)}


async def depths(store: Store) -> dict[tuple[str, str], int]:
    """Return how many runs have not ended, by queue and status."""
    query = (
        select(runs.c.queue, runs.c.status, func.count().label("number"))
        .where(runs.c.queue.is_not(None), runs.c.status.in_(("queued", "running", "waiting")))
        .group_by(runs.c.queue, runs.c.status)
    )
    return {(row.queue, row.status): int(row.number) for row in await store.read(query)}


async def put_back(
    store: Store,
    run: str,
    *,
    budget: int | None,
    grant: str | None,
    reason: Any,
    decided: Event | None = None,
) -> bool:
    """Make a run that rests due again for the workers; False where a process executes it.

    `budget`, `grant` and `reason` are as `take_run` has them. `decided` tells of a decision, which
    only a run that waits for one takes.
    """

    async def write(connection: AsyncConnection) -> bool:
        free = or_(runs.c.worker.is_(None), runs.c.lease_until <= db_now())
        query = select(runs).where(runs.c.id == run, runs.c.status != "succeeded", free)
        row = (await connection.execute(query.with_for_update(key_share=True))).one_or_none()
        if row is None or (decided and row.status != "waiting"):
            return False
        if row.status not in ("queued", "running", "waiting"):
            await _refuse_second_of_thread(connection, row)
        changes: dict[str, Any] = {
            "epoch": row.epoch + 1,
            "status": "queued",
            "code": row.code if row.code in ("provider_down", "disk_full") else None,
            "reason": dict(reason) if reason else None,
            "worker": None,
            "lease_until": None,
            "not_before": None,
            "cancel_wanted": False,
            "started_at": None,
            "finished_at": None,
            "stalls": 0,
        }
        if budget is not None:
            changes["budget"] = budget
        if grant:
            changes["grants"] = {**row.grants, grant: row.grants.get(grant, 0) + 1}
        await connection.execute(update(runs).where(runs.c.id == run).values(**changes))
        if decided:
            await add_event(connection, run, decided)
        return True

    return await store.write(write)


# Built once: making these anew costs more than running them.
_KNOW_PROJECT = {
    "sqlite": sqlite.insert(projects).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(projects).on_conflict_do_nothing(),
}


def _of_key(owner: str, key: str) -> Select[Any]:
    return select(runs.c.id, runs.c.request_hash).where(
        runs.c.owner == owner, runs.c.idempotency_key == key
    )


def _same_request(known: Row[Any] | None, request_hash: str | None) -> str | None:
    if known is None:
        return None
    if known.request_hash != request_hash:
        raise Conflict(
            "Idempotency-Key",
            f"was used for another request, which made the run `{known.id}`: take a new key",
            f"다른 요청에 쓴 키입니다(`{known.id}`). 새 키를 쓰세요",
            code="idempotency_conflict",
            run=known.id,
        )
    return str(known.id)


async def _refuse_second_of_thread(connection: AsyncConnection, run: NewRun | Row[Any]) -> None:
    if run.thread is None:
        return
    query = select(runs.c.id).where(
        runs.c.owner == run.owner,
        runs.c.project == run.project,
        runs.c.thread == run.thread,
        runs.c.status.in_(("queued", "running", "waiting")),
    )
    if active := (await connection.execute(query)).scalar_one_or_none():
        raise Conflict(
            "thread",
            f"`{run.thread}` has the active run `{active}`: wait for its end, or cancel it",
            f"`{run.thread}`에 진행 중인 실행 `{active}`이 있습니다. 끝나길 기다리거나 취소하세요",
            code="thread_active",
            run=str(active),
        )
