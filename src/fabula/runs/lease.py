"""Keep a run owned: a thread with its own connection renews the lease, whatever the loop does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Literal

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from fabula.store.engine import Fence, lease_engine
from fabula.store.tables import db_now, runs

log = logging.getLogger("fabula.runs")
Signal = Literal["cancelled", "lease_lost"]
AGAIN_S = 0.2
"""How soon a renewal that failed is tried again: a database that restarts is back in a second."""


class Lease:
    """Renew a run's lease every third of its length until stopped.

    `on_signal` is called once, from the thread: `cancelled` when someone asked the run to stop,
    `lease_lost` when another process owns it.
    """

    def __init__(
        self, url: str, fence: Fence, lease_s: float, on_signal: Callable[[Signal], None]
    ) -> None:
        self._engine = lease_engine(url, lease_s)
        self._fence = fence
        self._lease_s = lease_s
        self._on_signal = on_signal
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{fence.run}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close its connection; the row is left as it stands."""
        self._stopped.set()
        self._thread.join()
        self._engine.dispose()

    def _keep(self) -> None:
        while True:
            pause = self._lease_s / 3
            try:
                signal = self._renew()
            except SQLAlchemyError as error:
                log.warning("lease not renewed run=%s error=%s", self._fence.run, type(error))
                signal, pause = None, min(pause, AGAIN_S)
            if signal:
                self._on_signal(signal)
            if signal == "lease_lost" or self._stopped.wait(pause):
                return

    def _renew(self) -> Signal | None:
        # One statement, committed with itself: a process that is stopped right after it has asked
        # leaves no lock on the row.
        mine = (runs.c.id == self._fence.run) & (runs.c.epoch == self._fence.epoch)
        renewal = update(runs).where(mine).values(lease_until=db_now() + self._lease_s)
        with self._engine.connect() as connection:
            row = connection.execute(renewal.returning(runs.c.cancel_wanted)).one_or_none()
        if row is None:
            return "lease_lost"
        return "cancelled" if row.cancel_wanted else None
