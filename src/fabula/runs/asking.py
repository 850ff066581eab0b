"""Work out what is asked of a new run, before anything is written: the same at every door."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fabula.documents import Document
from fabula.gateway.models import Models
from fabula.nodes import Replacements
from fabula.products import Product
from fabula.runs.checks import Brief, choose_flags, nano, out_folder, positive, read_brief
from fabula.runs.estimate import estimate_event
from fabula.runs.uploads import located
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.events import Event
from fabula.store.runs import NewRun


@dataclass(frozen=True)
class AskedRun:
    """A run that may be started: its row, its brief, and why flags that nobody named are so."""

    product: Product
    new: NewRun
    brief: Document
    flags: BaseModel
    models: Models
    why: Mapping[str, Any]

    async def estimated(self, store: Store) -> tuple[Event, ...]:
        """Return the event that says what the run may cost; none where nothing can be said."""
        owner = self.new.owner
        brief = await located(store, owner, self.brief)
        return await estimate_event(
            self.product, brief, self.flags, self.models, store, owner=owner
        )


async def ask_run(
    settings: Settings,
    made: Product,
    brief: Brief,
    *,
    flags: Mapping[str, Any] | None,
    profile: str | None,
    budget: float | None,
    out: str | Path | None,
    replace: Replacements,
    timeout_s: float | None,
    row: Mapping[str, Any],
) -> AskedRun:
    """Validate everything; BadInput names the first field that is wrong.

    `budget` is in USD, `row` holds the door's own columns of the run, its `id` among them.
    """
    profile = profile or settings.profile
    models = await asyncio.to_thread(Models, settings, profile, keys=False)
    document = await asyncio.to_thread(read_brief, made, brief)
    merged, why = choose_flags(made, flags or {}, settings, document)
    await _check(made, merged, replace)
    new = NewRun(
        product=made.name,
        flags=merged.model_dump(mode="json"),
        replaced=sorted(replace),
        profile=profile,
        budget=nano(budget),
        timeout_s=positive("timeout_s", timeout_s),
        out=str(await asyncio.to_thread(out_folder, settings, out, str(row["id"]))),
        **row,
    )
    return AskedRun(made, new, document, merged, models, why)


async def _check(made: Product, flags: BaseModel, replace: Replacements) -> None:
    """Build the graph once for nothing; one that was built so before is not built again."""
    known = (made.build, flags.model_dump_json())
    if not replace and known in _checked:
        return
    await asyncio.to_thread(made.check, flags, replace)
    if not replace:
        if len(_checked) >= MOST_CHECKED:
            _checked.clear()
        _checked.add(known)


MOST_CHECKED = 1000
_checked: set[tuple[Any, str]] = set()


def new_run_id() -> str:
    """Make a run id: the day, and enough chance that no two meet."""
    return f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(5)}"
