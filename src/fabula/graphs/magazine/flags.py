"""The magazine's mode switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from fabula.documents import Strict, content_hash
from fabula.documents.magazine import Mode

PERCENT = 100


def _plain(given: object) -> object:
    # People write MULTI_STAGE into an .env file, and spaces behind it.
    return given.strip().lower() if isinstance(given, str) else given


class MagazineFlags(Strict):
    """Typed switches of one run; `max_parallel_section_writers` counts calls in flight."""

    mode: Annotated[Mode, BeforeValidator(_plain)] = "single_call"
    multi_stage_percent: int = Field(default=0, ge=0, le=PERCENT)
    """How many of a hundred briefs take `multi_stage` where nobody named a mode."""
    polish_enabled: bool = False
    polish_temperature: float = Field(default=0.4, ge=0, le=2)
    max_parallel_section_writers: int = Field(default=3, ge=1, le=32)
    fallback_models: tuple[str, ...] = ()
    """Models to turn to, in order, where the pinned one stays away; each switch is an event."""


ALIASES: Mapping[str, tuple[str, ...]] = {"mode": ("MAGAZINE_PIPELINE_MODE",)}
"""Further environment variables of a flag; MAGAZINE_<FLAG> counts by itself."""


def limits(flags: MagazineFlags) -> Mapping[str, int]:
    """Return the run's named concurrency limits: how many calls of a step are in flight at most."""
    return {"write_section": flags.max_parallel_section_writers}


def settle(flags: MagazineFlags, fingerprint: object) -> tuple[MagazineFlags, Mapping[str, Any]]:
    """Decide the mode where nobody named one; return the flags with it, and why as plain JSON.

    The same brief falls into the same one of a hundred buckets on every machine, so that raising
    the percentage moves briefs to `multi_stage` and never back.
    """
    if "mode" in flags.model_fields_set:
        return flags, {"mode": flags.mode, "mode_by": "flag"}
    if not flags.multi_stage_percent:
        return flags, {"mode": flags.mode, "mode_by": "default"}
    bucket = int(content_hash(["multi_stage_percent", fingerprint])[:8], 16) % PERCENT
    mode: Mode = "multi_stage" if bucket < flags.multi_stage_percent else "single_call"
    why = {"percent": flags.multi_stage_percent, "bucket": bucket}
    return flags.model_copy(update={"mode": mode}), {"mode": mode, "mode_by": "rollout", **why}
