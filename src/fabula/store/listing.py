"""Pages of an owner's runs, newest first; new runs move nothing on the pages that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from fabula.store.engine import Store
from fabula.store.runs import RunRow, RunStatus
from fabula.store.tables import runs


@dataclass(frozen=True)
class Wanted:
    """Which of an owner's runs; None and () mean any."""

    owner: str
    project: str | None = None
    product: str | None = None
    thread: str | None = None
    statuses: Sequence[RunStatus] = ()


async def page_of_runs(
    store: Store, wanted: Wanted, *, before: tuple[float, str] | None, limit: int
) -> Sequence[RunRow]:
    """Return at most `limit` runs made before the one of that time and id."""
    query = select(runs).where(runs.c.owner == wanted.owner)
    for name in ("project", "product", "thread"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(runs.c[name] == value)
    if wanted.statuses:
        query = query.where(runs.c.status.in_(wanted.statuses))
    if before:
        query = query.where(tuple_(runs.c.created_at, runs.c.id) < before)
    newest = query.order_by(runs.c.created_at.desc(), runs.c.id.desc())
    return (await store.read(newest.limit(limit))).all()
