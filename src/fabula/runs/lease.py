"""Keep a run owned: a thread with its own connection renews the lease, whatever the loop does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Literal

from sqlalchemy import create_engine, event, select, update
from sqlalchemy.exc import SQLAlchemyError

from fabula.store.engine import Fence
from fabula.store.tables import db_now, runs

log = logging.getLogger("fabula.runs")
Signal = Literal["cancelled", "lease_lost"]


class Lease:
    """Renew a run's lease every third of its length until stopped.

    `on_signal` is called once, from the thread: `cancelled` when someone asked the run to stop,
    `lease_lost` when another process owns it.
    """

    def __init__(
        self, url: str, fence: Fence, lease_s: float, on_signal: Callable[[Signal], None]
    ) -> None:
        self._engine = create_engine(url.replace("+aiosqlite", ""))
        self._fence = fence
        self._lease_s = lease_s
        self._on_signal = on_signal
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{fence.run}", daemon=True)

        @event.listens_for(self._engine, "connect")
        def _connect(connection: object, record: object) -> None:  # noqa: ARG001
            # A renewal that waits longer than the lease is worth nothing.
            connection.execute(f"PRAGMA busy_timeout = {int(lease_s * 1000)}")  # type: ignore[attr-defined]  # the driver's own connection

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close its connection; the row is left as it stands."""
        self._stopped.set()
        self._thread.join()
        self._engine.dispose()

    def _keep(self) -> None:
        while True:
            try:
                signal = self._renew()
            except SQLAlchemyError as error:
                log.warning("lease not renewed run=%s error=%s", self._fence.run, type(error))
                signal = None
            if signal:
                self._on_signal(signal)
            if signal == "lease_lost" or self._stopped.wait(self._lease_s / 3):
                return

    def _renew(self) -> Signal | None:
        mine = (runs.c.id == self._fence.run) & (runs.c.epoch == self._fence.epoch)
        with self._engine.begin() as connection:
            renewed = connection.execute(
                update(runs).where(mine).values(lease_until=db_now() + self._lease_s)
            )
            if renewed.rowcount != 1:
                return "lease_lost"
            wanted = connection.execute(select(runs.c.cancel_wanted).where(mine)).scalar_one()
        return "cancelled" if wanted else None
