"""What the routes of one application share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from fabula.errors import UnknownRun
from fabula.products import Product
from fabula.runs import Runner
from fabula.runs.queue.pool import Pool
from fabula.runs.queue.queueing import RunQueue
from fabula.service.auth import Caller, Gate
from fabula.service.hub import Hub
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.runs import RunRow, find_run

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Service:
    """The open parts of a service; `pool` is None where workers execute the runs."""

    settings: Settings
    products: Mapping[str, Product]
    store: Store
    queue: RunQueue
    runner: Runner
    pool: Pool | None
    gate: Gate
    hub: Hub

    async def run_of(self, who: Caller, run: str) -> RunRow:
        """Return a run of the caller's; UnknownRun where there is none, or it is another's."""
        row = await find_run(self.store, run) if _RUN_ID.fullmatch(run) else None
        if row is None or row.owner != who.owner:
            raise UnknownRun(run)
        return row


def service_of(request: Request) -> Service:
    """Return the service that the lifespan opened."""
    service: Service = request.app.state.service
    return service


async def _service(request: Request) -> Service:
    # Not the function itself: what is not async is called in a thread, for every request.
    return service_of(request)


Here = Annotated[Service, Depends(_service)]
