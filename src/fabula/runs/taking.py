"""Take a run over from whoever held it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Any

from fabula.errors import Conflict
from fabula.korean.particles import attach
from fabula.store.engine import Store
from fabula.store.runs import lease_left, take_run


async def take(
    store: Store,
    run: str,
    lease_s: float,
    *,
    budget: int | None = None,
    grant: str | None = None,
    reason: Mapping[str, Any] | None = None,
    next_part: bool = False,
) -> int:
    """Take the run's lease and return the new epoch; Conflict where a living process holds it.

    Waits for the lease of a dead one to end. The rest is as `take_run` has it.
    """
    for _ in range(2):
        await store.database.end_stopped()
        epoch = await take_run(
            store,
            run,
            worker=worker_name(),
            lease_s=lease_s,
            budget=budget,
            grant=grant,
            reason=reason,
            next_part=next_part,
        )
        if epoch is not None:
            return epoch
        # A dead worker's lease runs out; a living one's is renewed long before.
        await asyncio.sleep(max(await lease_left(store, run), 0) + 0.1)
    raise Conflict(
        "run",
        f"`{run}` is being executed by another process; cancel it first, or wait",
        f"{attach(f'`{run}`', '는')} 다른 프로세스가 실행하고 있습니다. 취소하거나 기다리세요",
    )


def worker_name() -> str:
    """Name this process."""
    return f"{socket.gethostname()}:{os.getpid()}"
