"""Reusable node factories, one verb a file; nothing here knows a product."""

from fabula.nodes.ask import Bounds, ask
from fabula.nodes.fan_out import Carried, Judge, Make, Stand, fan_out
from fabula.nodes.gate import Breach, gate
from fabula.nodes.notice import notice
from fabula.nodes.remember import RememberedDocuments
from fabula.nodes.replace import Replacements, Steps
from fabula.nodes.services import Node, Publisher, Services, Update
from fabula.nodes.slot import Slot, Slots, SlotStatus, merge_slots, open_slot, slots_of

__all__ = [
    "Bounds",
    "Breach",
    "Carried",
    "Judge",
    "Make",
    "Node",
    "Publisher",
    "RememberedDocuments",
    "Replacements",
    "Services",
    "Slot",
    "SlotStatus",
    "Slots",
    "Stand",
    "Steps",
    "Update",
    "ask",
    "fan_out",
    "gate",
    "merge_slots",
    "notice",
    "open_slot",
    "slots_of",
]
