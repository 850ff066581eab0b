"""A slot: one item of a fan-out, and the channel that merges slots by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

SlotStatus = Literal["open", "drafted", "rejected", "accepted", "placeholder"]


class Slot(TypedDict):
    """One item's place in the state: ids and counters, never text beyond a reason.

    `id` is `<verb>/<item>`; `attempt` is raised by the validator alone; `plan` and `document`
    are document ids; `reason` says why the last attempt was refused.
    """

    id: str
    status: SlotStatus
    attempt: int
    plan: str
    document: str | None
    reason: str | None


Slots = dict[str, Slot]


def open_slot(verb: str, item: str, plan: str) -> Slot:
    """Make the slot that a planner opens for one item."""
    return {
        "id": f"{verb}/{item}",
        "status": "open",
        "attempt": 0,
        "plan": plan,
        "document": None,
        "reason": None,
    }


def merge_slots(left: Slots, right: Slots) -> Slots:
    """Merge by id, later wins: the reducer of the `items` channel."""
    return {**left, **right}


def slots_of(items: Mapping[str, Slot], verb: str) -> list[Slot]:
    """Return the verb's own slots, in the order in which they were opened."""
    return [slot for id_, slot in items.items() if id_.startswith(f"{verb}/")]
