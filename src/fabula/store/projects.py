"""Projects: how many runs of each may be executed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.errors import BadInput
from fabula.store.engine import Store, insert_into
from fabula.store.tables import projects

MOST_AT_ONCE = 10_000


@dataclass(frozen=True)
class Project:
    """An owner's project; `parts` of its runs were begun, `concurrency` None: the setting's."""

    owner: str
    name: str
    parts: int
    concurrency: int | None


async def set_concurrency(store: Store, *, owner: str, name: str, most: int | None) -> Project:
    """Say how many runs of a project are executed at once; None: as the setting says.

    It counts from the next claim on; what is being executed goes on.
    """
    if most is not None and not 1 <= most <= MOST_AT_ONCE:
        raise BadInput(
            "concurrency",
            f"got {most}, wanted 1 to {MOST_AT_ONCE:,}; leave it out for the setting's",
            f"{most}은 쓸 수 없습니다. 1에서 {MOST_AT_ONCE:,}까지이며, 빼면 설정을 따릅니다",
        )

    async def write(connection: AsyncConnection) -> None:
        row = {"owner": owner, "name": name, "turn": 0, "parts": 0, "concurrency": most}
        insert = insert_into(connection, projects).values(**row)
        await connection.execute(
            insert.on_conflict_do_update(
                index_elements=["owner", "name"], set_={"concurrency": most}
            )
        )

    await store.write(write)
    (made,) = [one for one in await list_projects(store, owner) if one.name == name]
    return made


async def list_projects(store: Store, owner: str | None = None) -> Sequence[Project]:
    """Return the projects, of one owner or of all, by name."""
    query = select(projects)
    if owner is not None:
        query = query.where(projects.c.owner == owner)
    found = [
        Project(row.owner, row.name, row.parts, row.concurrency) for row in await store.read(query)
    ]
    return sorted(found, key=lambda one: (one.owner, one.name))
