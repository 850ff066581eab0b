"""The tables. Times are seconds since 1970 on the database's clock, money is in nano-USD."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

REVISION = "0003"
"""The schema's Alembic revision; a new database is made from the metadata and stamped with it."""

NANO = 1_000_000_000

LOCAL = "local"
"""The owner of what is made where nobody needs a key."""

metadata = MetaData()


class db_now(GenericFunction[float]):  # noqa: N801 - an SQL function
    """Now on the database's clock, in seconds; inside a transaction too it is the wall clock."""

    type = Float()
    inherit_cache = True


@compiles(db_now, "sqlite")
def _sqlite_now(element: Any, compiler: Any, **kw: Any) -> str:  # noqa: ARG001
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(db_now, "postgresql")
def _postgresql_now(element: Any, compiler: Any, **kw: Any) -> str:  # noqa: ARG001
    return "extract(epoch from clock_timestamp())"


class db_started(GenericFunction[float]):  # noqa: N801 - an SQL function
    """When the database began to answer, on its own clock; a file always does."""

    type = Float()
    inherit_cache = True


@compiles(db_started, "sqlite")
def _sqlite_started(element: Any, compiler: Any, **kw: Any) -> str:  # noqa: ARG001
    return "0.0"


@compiles(db_started, "postgresql")
def _postgresql_started(element: Any, compiler: Any, **kw: Any) -> str:  # noqa: ARG001
    return "extract(epoch from pg_postmaster_start_time())"


runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False, server_default=LOCAL),
    Column("project", String(64), nullable=False),
    Column("product", String(64), nullable=False),
    Column("door", String(16), nullable=False),
    Column("parent", String(64)),
    Column("change", JSON(none_as_null=True)),
    Column("status", String(16), nullable=False),
    Column("code", String(64)),
    Column("reason", JSON),
    Column("brief", String(128), nullable=False),
    Column("flags", JSON, nullable=False),
    Column("replaced", JSON, nullable=False),
    Column("profile", String(64), nullable=False),
    Column("out", Text, nullable=False),
    Column("budget", BigInteger),
    Column("timeout_s", Float),
    Column("grants", JSON, nullable=False),
    Column("part", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("worker", String(128)),
    Column("lease_until", Float),
    Column("not_before", Float),
    Column("cancel_wanted", Boolean, nullable=False),
    Column("result", String(128)),
    Column("outcome", String(32)),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("queue", String(16)),
    Column("thread", String(128)),
    Column("idempotency_key", String(255)),
    Column("request_hash", String(64)),
    Column("webhook", Text),
    Column("mark", String(64)),
    Column("stalls", Integer, nullable=False, server_default="0"),
)
"""`owner` is who asked for the run, `worker` the process that holds its lease. A run with a `queue`
is executed by whoever claims it, one without by the process that made it. `mark` says how far the
run had come when it was last taken, `stalls` how often it was taken since without going further."""

ACTIVE = "('queued', 'running', 'waiting')"
"""The statuses of a run that has not ended, as SQL."""

runs_one_active_thread = Index(
    "runs_one_active_thread",
    runs.c.owner,
    runs.c.project,
    runs.c.thread,
    unique=True,
    sqlite_where=text(f"thread IS NOT NULL AND status IN {ACTIVE}"),
    postgresql_where=text(f"thread IS NOT NULL AND status IN {ACTIVE}"),
)
runs_idempotency = Index(
    "runs_idempotency",
    runs.c.owner,
    runs.c.idempotency_key,
    unique=True,
    sqlite_where=text("idempotency_key IS NOT NULL"),
    postgresql_where=text("idempotency_key IS NOT NULL"),
)
runs_due = Index(
    "runs_due",
    runs.c.queue,
    runs.c.owner,
    runs.c.project,
    runs.c.created_at,
    runs.c.id,
    sqlite_where=text("queue IS NOT NULL AND status IN ('queued', 'running')"),
    postgresql_where=text("queue IS NOT NULL AND status IN ('queued', 'running')"),
)
runs_leases = Index(
    "runs_leases",
    runs.c.queue,
    runs.c.lease_until,
    sqlite_where=text("queue IS NOT NULL AND status = 'running'"),
    postgresql_where=text("queue IS NOT NULL AND status = 'running'"),
)
runs_newest = Index("runs_newest", runs.c.owner, runs.c.created_at, runs.c.id)

projects = Table(
    "projects",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("turn", BigInteger, nullable=False, server_default="0"),
    Column("parts", BigInteger, nullable=False, server_default="0"),
    Column("concurrency", Integer),
)
"""`turn` is the number of the last claim that served the project, `parts` how many it was given;
`concurrency` is how many of its runs may be executed at once, NULL: the setting's."""

keys = Table(
    "keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("rate", Float),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
)
"""API keys; only a key's hash is kept. `rate` is in requests a minute, NULL: the setting's."""

files = Table(
    "files",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("files_owner", "owner", "created_at"),
)
"""Uploaded files that a brief may name by their ids."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("run", ForeignKey("runs.id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("event", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Float),
    Column("taken_until", Float),
    Column("created_at", Float, nullable=False),
    Column("delivered_at", Float),
    Index("deliveries_waiting", "state", "next_at"),
    UniqueConstraint("run", "epoch", "event", name="deliveries_event_once"),
)
"""The outbox of webhooks: what is to be told to whom. `state`: waiting, delivered, given_up."""

delivery_tries = Table(
    "delivery_tries",
    metadata,
    Column("delivery", ForeignKey("deliveries.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("status", Integer),
    Column("error", String(255)),
)

documents = Table(
    "documents",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("body", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Float, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("run", ForeignKey("runs.id"), nullable=False),
    Column("key", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("item", String(255), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("ask", Integer, nullable=False),
    Column("provider", String(64), nullable=False),
    Column("model", String(127), nullable=False),
    Column("model_version", String(127)),
    Column("estimated_tokens", Integer, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("cost", BigInteger),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("finish_reason", String(64)),
    Column("text", Text),
    Column("claimed_at", Float, nullable=False),
    Column("answered_at", Float),
    Index("ledger_run_item", "run", "item"),
    Index("ledger_key", "run", "key"),
    Index(
        "ledger_answered_once",
        "run",
        "key",
        unique=True,
        sqlite_where=text("state = 'answered'"),
        postgresql_where=text("state = 'answered'"),
    ),
)

events = Table(
    "events",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("type", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("step", String(64)),
    Column("item", String(255)),
    Column("status", String(32)),
    Column("task", String(64)),
    Column("phase", String(16)),
    Column("note", JSON, nullable=False),
    UniqueConstraint("run", "task", "phase", name="events_task_phase_once"),
)
