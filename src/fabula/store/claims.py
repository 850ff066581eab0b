"""Claim what is due: runs of dead processes first, then in fair turns between projects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import CTE, ColumnElement, Row, and_, func, literal, or_, select, update
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.store.engine import Store
from fabula.store.runs import RunRow
from fabula.store.tables import db_now, db_started, events, ledger, projects, runs

Left = Literal["any", "harmless", "none"]
CLAIM_LOCK = 0x66616275
"""The advisory lock of claims: two at once would give two turns to one project."""


@dataclass(frozen=True)
class Claimed:
    """A run that this process now executes: its row as it stood before, and the new epoch.

    `taken_over` is true where the lease of another process had run out, `stalls` counts how often
    that happened since the run last went further.
    """

    row: RunRow
    epoch: int
    taken_over: bool
    stalls: int


async def claim_run(
    store: Store,
    queue: str,
    *,
    worker: str,
    lease_s: float,
    project_concurrency: int | None = None,
    left: Left = "any",
) -> Claimed | None:
    """Take what a dead process left, else the due run of the project served least recently.

    None: nothing is due. `project_concurrency` is how many runs of one project may be executed at
    once where the project's row does not say it. `left` narrows what dead processes left: to the
    `harmless`, which have lost no process before without going further, or to `none` of it.
    """

    async def write(connection: AsyncConnection) -> Claimed | None:
        if connection.dialect.name == "postgresql":
            await connection.execute(sql("SELECT pg_advisory_xact_lock(:n)"), {"n": CLAIM_LOCK})
        row = None
        if left != "none":
            dead = _left(queue, project_concurrency, lease_s, harmless=left == "harmless")
            row = (await connection.execute(dead)).one_or_none()
        if row is None:
            chosen = (await connection.execute(_next(queue, project_concurrency))).first()
            if chosen is None:
                return None
            wanted = select(runs).where(runs.c.id == chosen.run)
            row = (await connection.execute(wanted.with_for_update(key_share=True))).one()
            # Only a person's wish to cancel can have come between: it takes no claim's lock.
            if row.status != "queued":
                return None
        return await take_claimed(connection, row, worker, lease_s)

    return await store.write(write)


async def take_claimed(
    connection: AsyncConnection, row: RunRow, worker: str, lease_s: float
) -> Claimed:
    """Give the chosen run to the worker and the turn to its project, in the claim's transaction."""
    turn = select(func.coalesce(func.max(projects.c.turn), 0) + 1).scalar_subquery()
    mine = (projects.c.owner == row.owner) & (projects.c.name == row.project)
    await connection.execute(
        update(projects).where(mine).values(turn=turn, parts=projects.c.parts + 1)
    )
    mark = await _mark(connection, row)
    taken_over = row.status == "running"
    stalls = row.stalls + 1 if taken_over and mark == row.mark else 0
    changes = {
        "epoch": row.epoch + 1,
        "worker": worker,
        "lease_until": db_now() + lease_s,
        "started_at": func.coalesce(runs.c.started_at, db_now()),
        "status": "running",
        "code": None,
        "reason": None,
        "not_before": None,
        "mark": mark,
        "stalls": stalls,
    }
    await connection.execute(update(runs).where(runs.c.id == row.id).values(**changes))
    return Claimed(row, row.epoch + 1, taken_over, stalls)


async def due_queues(store: Store, queues: Sequence[str]) -> list[str]:
    """Return those of the queues that have something due, for the sweep of lost bells."""
    looked = [_has_due(queue).label(queue) for queue in queues]
    found = (await store.read(select(*looked))).one()
    return [queue for queue, due in zip(queues, found, strict=True) if due]


def _has_due(queue: str) -> Any:
    dead = select(literal(1)).where(runs.c.queue == queue, _dead()).exists()
    return or_(dead, select(literal(1)).where(_waits(queue)).exists())


# Written out, never bound: an index of some rows is used only where the statement itself says that
# it asks for those.
WAITING = "runs.queue IS NOT NULL AND runs.status = 'queued'"
_RUNNING = sql("runs.status = 'running'")
_ACTIVE = sql("runs.queue IS NOT NULL AND runs.status IN ('queued', 'running')")


def _dead() -> Any:
    return and_(_RUNNING, runs.c.queue.is_not(None), runs.c.lease_until <= db_now())


def in_time() -> Any:
    """Say that a run's time has come."""
    return runs.c.not_before.is_(None) | (runs.c.not_before <= db_now())


def _waits(queue: str) -> Any:
    return and_(runs.c.queue == queue, _ACTIVE, sql(WAITING), in_time())


@lru_cache(maxsize=64)
def _left(queue: str, concurrency: int | None, lease_s: float, *, harmless: bool) -> Any:
    """Select the run that its process left longest ago: what it had begun waits for no turn.

    None while the database has been up for less than a lease: nobody could renew before.
    """
    theirs = (projects.c.owner == runs.c.owner) & (projects.c.name == runs.c.project)
    allowed = select(literal(1)).where(theirs, _has_room(concurrency)).exists()
    left = select(runs).where(runs.c.queue == queue, _dead(), allowed)
    left = left.where(db_started() + lease_s <= db_now())
    if harmless:
        left = left.where(runs.c.stalls == 0)
    return (
        left.order_by(runs.c.lease_until, runs.c.id)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    )


@lru_cache(maxsize=64)
def _next(queue: str, concurrency: int | None) -> Any:
    """Select the oldest due run of the project that was served least recently."""
    active = _active_projects(queue)
    theirs = (runs.c.owner == active.c.owner) & (runs.c.project == active.c.project)
    # In an order: only so does every planner walk the index to the first one.
    oldest = (
        select(runs.c.id)
        .where(_waits(queue), theirs)
        .order_by(runs.c.created_at, runs.c.id)
        .limit(1)
        .scalar_subquery()
    )
    each = select(active.c.owner, active.c.project, oldest.label("run")).cte("each")
    here = (projects.c.owner == each.c.owner) & (projects.c.name == each.c.project)
    return (
        select(each.c.run)
        .select_from(each.join(projects, here))
        .where(each.c.run.is_not(None), _has_room(concurrency))
        .order_by(projects.c.turn, projects.c.owner, projects.c.name)
        .limit(1)
    )


def _active_projects(queue: str) -> CTE:
    """Select the projects with active runs by steps from one to the next in the index.

    Neither many runs of one project nor many projects without any make it slow.
    """
    own = and_(runs.c.queue == queue, _ACTIVE)

    def least(column: ColumnElement[str], *where: Any) -> Any:
        return select(func.min(column)).where(own, *where).scalar_subquery()

    owners = select(least(runs.c.owner).label("owner")).cte("owners", recursive=True)
    following = least(runs.c.owner, runs.c.owner > owners.c.owner)
    owners = owners.union_all(select(following).where(owners.c.owner.is_not(None)))
    first = least(runs.c.project, runs.c.owner == owners.c.owner)
    seeds = select(owners.c.owner, first.label("project")).where(owners.c.owner.is_not(None))
    active = seeds.cte("active", recursive=True)
    other = least(runs.c.project, runs.c.owner == active.c.owner, runs.c.project > active.c.project)
    return active.union_all(select(active.c.owner, other).where(active.c.project.is_not(None)))


def _has_room(concurrency: int | None) -> Any:
    other = runs.alias("other")
    executed = (
        select(func.count())
        .select_from(other)
        .where(
            other.c.owner == projects.c.owner,
            other.c.project == projects.c.name,
            sql("other.queue IS NOT NULL AND other.status = 'running'"),
            other.c.lease_until > db_now(),
        )
        .scalar_subquery()
    )
    most = func.coalesce(projects.c.concurrency, concurrency)
    return most.is_(None) | (executed < most)


async def _mark(connection: AsyncConnection, row: Row[Any]) -> str:
    """Say how far the run has come: paid answers, finished steps, part."""
    answers = select(func.count()).where(ledger.c.run == row.id, ledger.c.state == "answered")
    steps = select(func.count()).where(events.c.run == row.id, events.c.phase == "finish")
    counted = (
        await connection.execute(
            select(answers.scalar_subquery().label("a"), steps.scalar_subquery().label("s"))
        )
    ).one()
    return f"{counted.a}:{counted.s}:{row.part}"
