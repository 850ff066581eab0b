"""Named points where a test may end the process; nothing happens at them otherwise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

FaultPoint = Literal["before_claim", "after_claim", "after_pay", "after_record", "after_checkpoint"]
Hook = Callable[[FaultPoint, Mapping[str, str]], Awaitable[None]]
"""Awaited at each fault point with what is known there (`key`, `item`, `model_version`)."""


async def no_hook(point: FaultPoint, known: Mapping[str, str]) -> None:
    """Do nothing."""
