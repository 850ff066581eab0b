"""Tasks that are told to end do end."""

from __future__ import annotations

import asyncio

import pytest

from fabula.runs.queue import leaving
from fabula.runs.queue.leaving import end_tasks


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "AGAIN_S", 0.01)


async def test_a_task_that_swallows_cancellations_is_cancelled_until_it_ends() -> None:
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end_tasks(task)
    assert task.cancelled()
    assert swallowed == 3


async def test_what_a_task_does_when_it_ends_is_waited_for() -> None:
    done = asyncio.Event()

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            done.set()

    async def over() -> None:
        return

    tasks = [asyncio.create_task(tidy()), asyncio.create_task(over())]
    await asyncio.sleep(0)
    await end_tasks(*tasks)
    assert done.is_set()
    assert all(task.done() for task in tasks)


async def test_nothing_to_end_is_no_error() -> None:
    await end_tasks()
