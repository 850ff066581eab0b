"""Run rows: who owns a run, how it stands, what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, bindparam, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.documents import Document
from fabula.errors import UnknownRun
from fabula.store.engine import Fence, Store, hold, lease_lost
from fabula.store.events import Event, add_event
from fabula.store.outbox import announce
from fabula.store.tables import LOCAL, artifacts, db_now, documents, runs

RunStatus = Literal[
    "queued",
    "running",
    "waiting",
    "succeeded",
    "failed",
    "cancelled",
    "timed_out",
    "over_budget",
]
ENDED: tuple[RunStatus, ...] = ("succeeded", "failed", "cancelled", "timed_out", "over_budget")

RunRow = Row[Any]

_CANCELLED = {
    "en": "the run was cancelled while nobody executed it; it can be resumed",
    "ko": "실행되지 않는 동안 취소했습니다. 이어서 실행할 수 있습니다",
}


@dataclass(frozen=True)
class NewRun:
    """What a run row is made of. `budget` is in nano-USD, None: no limit."""

    id: str
    project: str
    product: str
    door: str
    flags: Mapping[str, Any]
    replaced: Sequence[str]
    profile: str
    out: str
    budget: int | None
    timeout_s: float | None
    owner: str = LOCAL
    queue: str | None = None
    """Who may execute it: workers of that queue, or None: only the process that made it."""
    thread: str | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None
    webhook: str | None = None
    parent: str | None = None
    change: Mapping[str, Any] | None = None
    """What a changed run starts from: name, request, state and the ids `copied` of its parent."""


@dataclass(frozen=True)
class Copied:
    """Rows that a new run takes over from its parent: ids of documents, names of artifacts."""

    parent: str
    documents: Sequence[str]
    artifacts: Sequence[str]


async def insert_run(
    store: Store,
    run: NewRun,
    brief: Document,
    worker: str,
    lease_s: float,
    *,
    copied: Copied | None = None,
) -> int:
    """Write the row with the lease taken, its brief and what it takes over; return the epoch."""
    epoch = 1
    taken = {
        "status": "running",
        "epoch": epoch,
        "worker": worker,
        "lease_until": db_now() + lease_s,
        "started_at": db_now(),
    }

    async def write(connection: AsyncConnection) -> int:
        await write_run(connection, run, brief, taken, copied=copied)
        return epoch

    return await store.write(write)


async def write_run(
    connection: AsyncConnection,
    run: NewRun,
    brief: Document,
    standing: Mapping[str, Any],
    *,
    copied: Copied | None = None,
) -> None:
    """Write a run's row as it stands at first, its brief and what it takes over."""
    values = {
        "id": run.id,
        "owner": run.owner,
        "project": run.project,
        "product": run.product,
        "door": run.door,
        "parent": run.parent,
        "change": dict(run.change) if run.change else None,
        "brief": brief.id,
        "flags": dict(run.flags),
        "replaced": sorted(run.replaced),
        "profile": run.profile,
        "out": run.out,
        "budget": run.budget,
        "timeout_s": run.timeout_s,
        "grants": {},
        "part": 1,
        "cancel_wanted": False,
        "queue": run.queue,
        "thread": run.thread,
        "idempotency_key": run.idempotency_key,
        "request_hash": run.request_hash,
        "webhook": run.webhook,
        **standing,
    }
    document = {
        "run": run.id,
        "id": brief.id,
        "kind": type(brief).__name__,
        "body": brief.model_dump(mode="json"),
    }
    computed = {key: value for key, value in values.items() if isinstance(value, ColumnElement)}
    plain = {key: value for key, value in values.items() if key not in computed}
    insert = _INSERT_RUN.values(**computed) if computed else _INSERT_RUN
    await connection.execute(insert, plain)
    await connection.execute(_INSERT_DOCUMENT, document)
    if copied:
        await _copy(connection, run.id, copied, besides=brief.id)


# Built once: making a statement anew costs more than running it.
_INSERT_RUN = runs.insert().values(created_at=db_now())
_INSERT_DOCUMENT = documents.insert().values(created_at=db_now())
_FIND = select(runs).where(runs.c.id == bindparam("of_run"))


async def _copy(connection: AsyncConnection, run: str, copied: Copied, *, besides: str) -> None:
    wanted = [id_ for id_ in copied.documents if id_ != besides]
    for table, key, names in ((documents, "id", wanted), (artifacts, "name", copied.artifacts)):
        columns = [column for column in table.c if column.name not in ("run", "created_at")]
        rows = select(literal(run), *columns, db_now()).where(
            table.c.run == copied.parent, table.c[key].in_(names)
        )
        into = ["run", *(column.name for column in columns), "created_at"]
        await connection.execute(table.insert().from_select(into, rows))


async def find_run(store: Store, run: str) -> RunRow | None:
    """Return the run's row, or None where there is none."""
    return (await store.read(_FIND, {"of_run": run})).one_or_none()


async def get_run(store: Store, run: str) -> RunRow:
    """Return the run's row; UnknownRun where there is none."""
    row = await find_run(store, run)
    if row is None:
        raise UnknownRun(run)
    return row


async def list_runs(store: Store, limit: int) -> Sequence[RunRow]:
    """Return the newest runs first."""
    query = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
    return (await store.read(query)).all()


async def lease_left(store: Store, run: str) -> float:
    """Return for how many seconds the run is still owned; 0 or less: free to take."""
    left = (runs.c.lease_until - db_now()).label("left")
    row = (await store.read(select(runs.c.worker, left).where(runs.c.id == run))).one()
    return float(row.left or 0) if row.worker else 0.0


async def time_left(store: Store, run: str) -> float | None:
    """Return for how many seconds the run may still be executed; None: no limit was asked for.

    What it waited in a queue before it was first taken does not count.
    """
    left = runs.c.timeout_s - (db_now() - func.coalesce(runs.c.started_at, db_now()))
    found = (await store.read(select(left).where(runs.c.id == run))).scalar_one()
    return None if found is None else max(float(found), 0.0)


async def take_run(
    store: Store,
    run: str,
    *,
    worker: str,
    lease_s: float,
    budget: int | None = None,
    grant: str | None = None,
    reason: Mapping[str, Any] | None = None,
    next_part: bool = False,
) -> int | None:
    """Take over a run whose lease has ended, with a new epoch; None when another was faster.

    The time that it may take counts anew, but not where `next_part` only goes on with it.
    `budget` (nano-USD) replaces the run's budget; `grant` names an item that gets its allowance of
    paid calls once more; `reason` is kept while it runs, such as a person's answers.
    """

    async def write(connection: AsyncConnection) -> int | None:
        free = or_(runs.c.worker.is_(None), runs.c.lease_until <= db_now())
        query = select(runs).where(runs.c.id == run, runs.c.status != "succeeded", free)
        row = (await connection.execute(query.with_for_update(key_share=True))).one_or_none()
        if row is None:
            return None
        changes: dict[str, Any] = {
            "epoch": row.epoch + 1,
            "worker": worker,
            "lease_until": db_now() + lease_s,
            "started_at": row.started_at if next_part else db_now(),
            "status": "running",
            "code": None,
            "reason": dict(reason) if reason else None,
            "not_before": None,
            "cancel_wanted": False,
            "finished_at": None,
        }
        if budget is not None:
            changes["budget"] = budget
        if grant:
            changes["grants"] = {**row.grants, grant: row.grants.get(grant, 0) + 1}
        await connection.execute(update(runs).where(runs.c.id == run).values(**changes))
        return int(row.epoch) + 1

    return await store.write(write)


async def end_run(
    store: Store,
    fence: Fence,
    *,
    status: RunStatus,
    code: str | None = None,
    reason: Mapping[str, Any] | None = None,
    result: str | None = None,
    outcome: str | None = None,
    wait_s: float | None = None,
) -> None:
    """Write how the run ended and give the lease back; LeaseLost when it was taken over.

    `wait_s`: the run is due again after so many seconds; one that somebody asked to stop is not.
    """

    async def write(connection: AsyncConnection) -> None:
        row = await hold(connection, fence)
        stopped = status == "queued" and row.cancel_wanted
        ended: RunStatus = "cancelled" if stopped else status
        ended_code = "cancelled" if stopped else code
        changes = {
            "status": ended,
            "code": ended_code,
            "reason": dict(reason) if reason and not stopped else None,
            "result": result,
            "outcome": outcome,
            "worker": None,
            "lease_until": None,
            "not_before": db_now() + wait_s if wait_s is not None and not stopped else None,
            "finished_at": db_now() if ended in ENDED else None,
        }
        done = await connection.execute(
            update(runs)
            .where(runs.c.id == fence.run, runs.c.epoch == fence.epoch)
            .values(**changes)
        )
        if done.rowcount != 1:
            raise lease_lost(fence)
        await announce(connection, row, ended, ended_code)

    await store.write(write)


async def end_part(store: Store, fence: Fence) -> RunStatus:
    """End one part of a long run and give the lease back; return how the run stands.

    It is due for its next part, or cancelled where somebody asked it to stop. Raises LeaseLost
    when it was taken over.
    """

    async def write(connection: AsyncConnection) -> RunStatus:
        row = await hold(connection, fence)
        status: RunStatus = "cancelled" if row.cancel_wanted else "queued"
        changes = {
            "part": row.part + 1,
            "status": status,
            "code": "cancelled" if row.cancel_wanted else None,
            "reason": None,
            "worker": None,
            "lease_until": None,
            "finished_at": db_now() if row.cancel_wanted else None,
        }
        await connection.execute(update(runs).where(runs.c.id == fence.run).values(**changes))
        if row.cancel_wanted:
            await announce(connection, row, status, "cancelled")
        return status

    return await store.write(write)


async def want_cancel(store: Store, run: str) -> RunRow:
    """Ask a live run to stop, or end one that nobody executes; return the row as it stands."""

    async def write(connection: AsyncConnection) -> None:
        live = runs.c.worker.is_not(None) & (runs.c.lease_until > db_now())
        mine = runs.c.id == run
        asked = await connection.execute(update(runs).where(mine, live).values(cancel_wanted=True))
        if asked.rowcount == 0:
            resting = mine & runs.c.status.in_(("queued", "running", "waiting"))
            query = select(runs).where(resting).with_for_update(key_share=True)
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return
            answers = (row.reason or {}).get("answers")
            reason = {**_CANCELLED, **({"answers": answers} if answers else {})}
            await connection.execute(
                update(runs)
                .where(mine)
                .values(
                    status="cancelled",
                    code="cancelled",
                    reason=reason,
                    epoch=runs.c.epoch + literal(1),
                    worker=None,
                    lease_until=None,
                    not_before=None,
                    finished_at=db_now(),
                )
            )
            ended = Event("run.cancelled", status="cancelled", note=_CANCELLED)
            await add_event(connection, run, ended)
            await announce(connection, row, "cancelled", "cancelled")

    await get_run(store, run)
    await store.write(write)
    return await get_run(store, run)
