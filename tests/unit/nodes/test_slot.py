from __future__ import annotations

from fabula.nodes import Slot, merge_slots, open_slot, slots_of


def test_merging_the_same_update_twice_changes_nothing() -> None:
    first = open_slot("write", "s1", "Plan:1")
    done: Slot = {**first, "status": "drafted", "document": "Doc:1"}
    items = {first["id"]: first, "write/s2": open_slot("write", "s2", "Plan:2")}
    once = merge_slots(items, {done["id"]: done})
    assert merge_slots(once, {done["id"]: done}) == once
    assert list(once) == ["write/s1", "write/s2"]


def test_a_verb_sees_its_own_slots_only() -> None:
    items = {
        s["id"]: s for s in (open_slot("write", "s1", "a"), open_slot("write_more", "s1", "b"))
    }
    assert [slot["plan"] for slot in slots_of(items, "write")] == ["a"]
