"""End tasks of the background, for good."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 2.0
"""How long a cancelled task may take before it is cancelled again."""


async def end_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until each has ended.

    Clients of servers swallow a cancellation now and then: an ARQ worker that was cancelled in the
    middle of a question to Redis went on polling once in fifteen times, and its process with it.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
