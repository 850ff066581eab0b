"""Bring a database of an earlier version up to this one's schema, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import JSON, Column
from sqlalchemy import text as sql

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _changes(operations: Operations) -> None:
    operations.add_column("runs", Column("change", JSON(none_as_null=True)))


_STEPS: Mapping[str, tuple[str, Callable[[Operations], None]]] = {"0001": ("0002", _changes)}
"""From a revision to the next one."""


def upgrade(connection: Connection, found: str) -> str:
    """Take every step that leads on from `found`; return the revision that was reached.

    It runs in the transaction of the caller: a step is taken whole or not at all.
    """
    operations = Operations(MigrationContext.configure(connection))
    while found in _STEPS:
        found, step = _STEPS[found]
        step(operations)
        connection.execute(sql("UPDATE alembic_version SET version_num = :v"), {"v": found})
    return found
