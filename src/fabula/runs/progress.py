"""Count a run's steps and slots: done, total, and how long the rest may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fabula.runs.parts import Parts

WORKED = ("drafted", "accepted", "placeholder")


class Progress:
    """Steps count once each; a fan-out counts its slots in place of its worker's step.

    A slot that is opened again for a rewrite is not done any more. In a run in parts these are the
    steps of the part at hand, and the run's progress is counted in parts.
    """

    def __init__(
        self,
        steps: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
        *,
        parts: Parts | None = None,
    ) -> None:
        self._steps = set(steps)
        self._done: set[str] = set()
        self._slots: dict[str, str] = {}
        self._clock = clock
        self._began = clock()
        self._before = 0
        self._parts = parts

    def resume_from(self, finished: Iterable[str], slots: Mapping[str, Any]) -> None:
        """Take over what an earlier process finished; it does not count into the pace."""
        self._done.update(finished)
        self.see_slots(slots)
        self._before = self.done

    def finish(self, step: str) -> None:
        self._done.add(step)

    def see_slots(self, slots: Mapping[str, Any]) -> None:
        self._slots.update({id_: str(slot["status"]) for id_, slot in slots.items()})

    @property
    def done(self) -> int:
        worked = sum(status in WORKED for status in self._slots.values())
        return len(self._done & self._plain_steps) + worked

    @property
    def total(self) -> int:
        return len(self._plain_steps) + len(self._slots)

    def note(self) -> dict[str, Any]:
        """Return `done`, `total`, and `eta_s` in seconds, None while there is no pace yet.

        Of a run in parts these count parts; `steps` are those of the part at hand.
        """
        if self._parts:
            steps = {"done": self.done, "total": self.total}
            undone = 1 - self.done / self.total if self.total else 1.0
            spent_s = self._clock() - self._began
            return {**self._parts.note(spent_s, undone=undone), "steps": steps}
        fresh = self.done - self._before
        pace = (self._clock() - self._began) / fresh if fresh else None
        left = self.total - self.done
        return {
            "done": self.done,
            "total": self.total,
            "eta_s": round(pace * left, 1) if pace is not None else None,
        }

    def end_part(self, *, more: bool) -> dict[str, Any]:
        """Return what the end of the part at hand notes; LookupError in a run without parts."""
        if self._parts is None:
            raise LookupError("the run is not in parts")
        return self._parts.ended(self._clock() - self._began, more=more)

    @property
    def _plain_steps(self) -> set[str]:
        return self._steps - {id_.partition("/")[0] for id_ in self._slots}
