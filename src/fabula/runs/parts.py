"""Where a run in parts stands among its parts, and what the parts done so far say of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from fabula.nodes import Services
from fabula.products import Product
from fabula.store.engine import Store
from fabula.store.events import PART_ENDED, Event, last_note
from fabula.store.runs import RunRow


@dataclass(frozen=True)
class Parts:
    """A run's parts as one of its executions begins. Times are seconds of work, without waits."""

    part: int
    """The part at hand."""
    done: int
    total: int | None
    """None where only the end will tell."""
    worked_s: float | None = 0.0
    """What the parts done took; None where it was not recorded."""
    begun_s: float = 0.0
    """What earlier executions put into the part at hand."""

    def note(self, spent_s: float, *, undone: float = 0.0) -> dict[str, Any]:
        """Return how far the run has come when this execution has taken so long.

        `undone` is the share of the part's steps that are not done: what tells of a part that
        takes longer than the others.
        """
        pace = self.worked_s / self.done if self.done and self.worked_s is not None else None
        eta_s = None
        if pace is not None and self.total is not None:
            whole, here_s = self.total - self.done, 0.0
            if self.done < self.part:
                spent_s += self.begun_s
                whole, here_s = whole - 1, pace - spent_s if spent_s < pace else pace * undone
            # Fine enough that work which is left does not read as none.
            eta_s = round(pace * whole + here_s, 3)
        return {"done": self.done, "total": self.total, "eta_s": eta_s, "unit": "parts"}

    def ended(self, spent_s: float, *, more: bool) -> dict[str, Any]:
        """Return what the part's end notes; without `more` the run has no other."""
        worked_s = self.worked_s
        if worked_s is not None and self.done < self.part:
            worked_s += self.begun_s + spent_s
        total = self.total if more else self.part
        if total is not None and more:
            total = max(total, self.part + 1)
        after = Parts(self.part, self.part, total, worked_s)
        recorded = {} if worked_s is None else {"worked_s": round(worked_s, 3)}
        return {"part": self.part, **after.note(0.0), **recorded}


async def parts_of(
    store: Store, row: RunRow, product: Product, services: Services, stored: Sequence[Event]
) -> Parts | None:
    """Read where a run stands among its parts; None for one that is not in parts.

    `stored` are the events of the part at hand.
    """
    if not product.in_parts:
        return None
    total = None
    if product.parts and not row.change:
        # A change of a finished run has parts of its own, which no brief tells.
        brief = await services.documents.get(product.brief, row.brief)
        total = product.parts(brief)
    if total is not None:
        total = max(total, row.part)
    last = await last_note(store, row.id, PART_ENDED) or {"part": 0, "worked_s": 0.0}
    worked_s = last.get("worked_s")
    # A crash may have come between the end of this very part and its row.
    ended = int(last["part"]) >= row.part
    return Parts(
        part=row.part,
        done=row.part if ended else row.part - 1,
        total=total,
        worked_s=worked_s,
        begun_s=0.0 if ended else worked(stored),
    )


def worked(stored: Sequence[Event]) -> float:
    """Return how many seconds of work lie between events of one part.

    Each execution begins with events `run.*`, and what stops it writes one: what lies before such
    an event may have been a wait.
    """
    return sum(
        later.at - earlier.at
        for earlier, later in pairwise(stored)
        if not later.type.startswith("run.")
    )
