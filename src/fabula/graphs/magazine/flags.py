"""The magazine's mode switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from fabula.documents import Strict


class MagazineFlags(Strict):
    """Typed switches of one run; `max_parallel_section_writers` counts calls in flight."""

    mode: Literal["multi_stage"] = "multi_stage"
    max_parallel_section_writers: int = Field(default=3, ge=1, le=32)
    fallback_models: tuple[str, ...] = ()
    """Models to turn to, in order, where the pinned one stays away; each switch is an event."""


def limits(flags: MagazineFlags) -> Mapping[str, int]:
    """Return the run's named concurrency limits: how many calls of a step are in flight at most."""
    return {"write_section": flags.max_parallel_section_writers}
