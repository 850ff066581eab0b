"""Run rows: who owns a run, how it stands, what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.documents import Document
from fabula.errors import BadInput
from fabula.store.engine import Fence, Store, hold, lease_lost
from fabula.store.tables import artifacts, db_now, documents, runs

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
    owner: str,
    lease_s: float,
    *,
    copied: Copied | None = None,
) -> int:
    """Write the row with the lease taken, its brief and what it takes over; return the epoch."""
    epoch = 1
    values = {
        "id": run.id,
        "project": run.project,
        "product": run.product,
        "door": run.door,
        "parent": run.parent,
        "change": dict(run.change) if run.change else None,
        "status": "running",
        "brief": brief.id,
        "flags": dict(run.flags),
        "replaced": sorted(run.replaced),
        "profile": run.profile,
        "out": run.out,
        "budget": run.budget,
        "timeout_s": run.timeout_s,
        "grants": {},
        "part": 1,
        "epoch": epoch,
        "owner": owner,
        "lease_until": db_now() + lease_s,
        "cancel_wanted": False,
        "created_at": db_now(),
        "started_at": db_now(),
    }
    document = {
        "run": run.id,
        "id": brief.id,
        "kind": type(brief).__name__,
        "body": brief.model_dump(mode="json"),
        "created_at": db_now(),
    }

    async def write(connection: AsyncConnection) -> int:
        await connection.execute(runs.insert().values(**values))
        await connection.execute(documents.insert().values(**document))
        if copied:
            await _copy(connection, run.id, copied, besides=brief.id)
        return epoch

    return await store.write(write)


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
    return (await store.read(select(runs).where(runs.c.id == run))).one_or_none()


async def get_run(store: Store, run: str) -> RunRow:
    """Return the run's row; BadInput where there is none."""
    row = await find_run(store, run)
    if row is None:
        raise BadInput(
            "run",
            f"there is no run `{run}`; `fabula runs` lists them",
            f"`{run}` 실행이 없습니다. `fabula runs`로 목록을 보세요",
        )
    return row


async def list_runs(store: Store, limit: int) -> Sequence[RunRow]:
    """Return the newest runs first."""
    query = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
    return (await store.read(query)).all()


async def lease_left(store: Store, run: str) -> float:
    """Return for how many seconds the run is still owned; 0 or less: free to take."""
    left = (runs.c.lease_until - db_now()).label("left")
    row = (await store.read(select(runs.c.owner, left).where(runs.c.id == run))).one()
    return float(row.left or 0) if row.owner else 0.0


async def take_run(
    store: Store,
    run: str,
    *,
    owner: str,
    lease_s: float,
    budget: int | None = None,
    grant: str | None = None,
    reason: Mapping[str, Any] | None = None,
) -> int | None:
    """Take over a run whose lease has ended, with a new epoch; None when another was faster.

    `budget` (nano-USD) replaces the run's budget; `grant` names an item that gets its allowance of
    paid calls once more; `reason` is kept while it runs, such as a person's answers.
    """

    async def write(connection: AsyncConnection) -> int | None:
        free = or_(runs.c.owner.is_(None), runs.c.lease_until <= db_now())
        query = select(runs).where(runs.c.id == run, runs.c.status != "succeeded", free)
        row = (await connection.execute(query.with_for_update(key_share=True))).one_or_none()
        if row is None:
            return None
        changes: dict[str, Any] = {
            "epoch": row.epoch + 1,
            "owner": owner,
            "lease_until": db_now() + lease_s,
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

    `wait_s`: the run is due again after so many seconds.
    """

    async def write(connection: AsyncConnection) -> None:
        await hold(connection, fence)
        changes = {
            "status": status,
            "code": code,
            "reason": dict(reason) if reason else None,
            "result": result,
            "outcome": outcome,
            "owner": None,
            "lease_until": None,
            "not_before": db_now() + wait_s if wait_s is not None else None,
            "finished_at": db_now() if status in ENDED else None,
        }
        done = await connection.execute(
            update(runs)
            .where(runs.c.id == fence.run, runs.c.epoch == fence.epoch)
            .values(**changes)
        )
        if done.rowcount != 1:
            raise lease_lost(fence)

    await store.write(write)


async def want_cancel(store: Store, run: str) -> RunRow:
    """Ask a live run to stop, or end one that nobody executes; return the row as it stands."""

    async def write(connection: AsyncConnection) -> None:
        live = runs.c.owner.is_not(None) & (runs.c.lease_until > db_now())
        mine = runs.c.id == run
        asked = await connection.execute(update(runs).where(mine, live).values(cancel_wanted=True))
        if asked.rowcount == 0:
            resting = mine & runs.c.status.in_(("queued", "running", "waiting"))
            await connection.execute(
                update(runs)
                .where(resting)
                .values(
                    status="cancelled",
                    code="cancelled",
                    epoch=runs.c.epoch + literal(1),
                    owner=None,
                    lease_until=None,
                    not_before=None,
                    finished_at=db_now(),
                )
            )

    await get_run(store, run)
    await store.write(write)
    return await get_run(store, run)
