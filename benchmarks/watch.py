"""What a fleet's database is made to remember beside its rows: each write of some tables, and when.

Triggers write it in the transaction of the write itself, so that nothing is missed between looks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

_WATCH = """
CREATE TABLE watched (
  number bigserial PRIMARY KEY, at double precision NOT NULL, what text NOT NULL, run text NOT NULL,
  name text, epoch integer, part integer, worker text);
CREATE FUNCTION watch_runs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.epoch <> OLD.epoch OR NEW.part <> OLD.part OR NEW.status <> OLD.status THEN
    INSERT INTO watched (at, what, run, name, epoch, part, worker) VALUES
      (extract(epoch FROM clock_timestamp()), 'run', NEW.id, NEW.status, NEW.epoch, NEW.part,
       NEW.worker);
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION watch_artifacts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO watched (at, what, run, name) VALUES
    (extract(epoch FROM clock_timestamp()), 'artifact', NEW.run, NEW.name);
  RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION watch_runs();
CREATE TRIGGER watch AFTER INSERT OR UPDATE ON artifacts FOR EACH ROW
  EXECUTE FUNCTION watch_artifacts();
"""
PATIENCE_S, AGAIN_S = 60.0, 0.2
TABLES = ("runs", "documents", "artifacts", "ledger", "events", "projects", "deliveries")


@dataclass(frozen=True)
class Taking:
    """A run was taken: by whom, with which epoch, when on the database's clock."""

    run: str
    epoch: int
    part: int
    worker: str
    at: float


class Watch:
    """Looks into one database; every look is a connection of its own, so it outlives restarts."""

    def __init__(self, url: str) -> None:
        self._url = url

    def start(self) -> None:
        """Begin to remember."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(_WATCH.encode())

    def now(self) -> float:
        """Read the database's clock."""
        return float(self.rows("SELECT extract(epoch FROM clock_timestamp())")[0][0])

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one read; a database that is away is waited for."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    return connection.execute(query.encode(), values).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
            time.sleep(AGAIN_S)

    def execute(self, statement: str) -> None:
        """Run one statement."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def held(self, worker: str) -> dict[str, int]:
        """Return the runs that a worker's rows say it executes, with their epochs."""
        query = "SELECT id, epoch FROM runs WHERE worker = %s AND status = 'running'"
        return {str(run): int(epoch) for run, epoch in self.rows(query, worker)}

    def takings(self) -> list[Taking]:
        """Return each taking of a run, in order."""
        query = (
            "SELECT run, epoch, part, worker, at FROM watched "
            "WHERE what = 'run' AND name = 'running' ORDER BY number"
        )
        return [Taking(*row) for row in self.rows(query)]

    def statuses(self) -> Counter[str]:
        """Count the runs by status."""
        return Counter(dict(self.rows("SELECT status, count(*) FROM runs GROUP BY status")))

    def written_twice(self) -> list[str]:
        """Return the artifacts written more than once; `run.json`, which holds times, may be."""
        query = (
            "SELECT run, name, count(*) FROM watched "
            "WHERE what = 'artifact' AND name <> 'run.json' GROUP BY 1, 2 HAVING count(*) > 1"
        )
        return [f"{run}/{name}: {times} times" for run, name, times in self.rows(query)]

    def fingerprint(self) -> dict[str, Sequence[tuple[Any, ...]]]:
        """Return every row that a run may write, by table."""
        return {
            table: self.rows(f"SELECT t::text FROM {table} AS t ORDER BY 1")  # noqa: S608 - our names
            for table in TABLES
        }
