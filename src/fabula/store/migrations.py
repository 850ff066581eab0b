"""Bring a database of an earlier version up to this one's schema, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import JSON, Column, Integer, String, Text
from sqlalchemy import text as sql

from fabula.store.tables import (
    LOCAL,
    deliveries,
    delivery_tries,
    files,
    keys,
    metadata,
    projects,
    runs_due,
    runs_idempotency,
    runs_leases,
    runs_newest,
    runs_one_active_thread,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _changes(operations: Operations) -> None:
    operations.add_column("runs", Column("change", JSON(none_as_null=True)))


def _service(operations: Operations) -> None:
    operations.execute("ALTER TABLE runs RENAME COLUMN owner TO worker")
    for column in (
        Column("owner", String(64), nullable=False, server_default=LOCAL),
        Column("queue", String(16)),
        Column("thread", String(128)),
        Column("idempotency_key", String(255)),
        Column("request_hash", String(64)),
        Column("webhook", Text),
        Column("mark", String(64)),
        Column("stalls", Integer, nullable=False, server_default="0"),
    ):
        operations.add_column("runs", column)
    connection = operations.get_bind()
    for index in (runs_one_active_thread, runs_idempotency, runs_due, runs_leases, runs_newest):
        index.create(connection)
    tables = [projects, keys, files, deliveries, delivery_tries]
    metadata.create_all(connection, tables=tables, checkfirst=False)


_STEPS: Mapping[str, tuple[str, Callable[[Operations], None]]] = {
    "0001": ("0002", _changes),
    "0002": ("0003", _service),
}
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
