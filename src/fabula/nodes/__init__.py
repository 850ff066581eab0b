"""Reusable node factories, one verb a file; nothing here knows a product."""

from fabula.nodes.ask import Bounds, ask
from fabula.nodes.change import Begin, Change, Parent, Start
from fabula.nodes.decide import Ask, decide
from fabula.nodes.fan_out import Carried, Judge, Make, Stand, fan_out
from fabula.nodes.gate import Breach, gate
from fabula.nodes.notice import notice
from fabula.nodes.remember import RememberedDocuments
from fabula.nodes.replace import Replacements, Steps
from fabula.nodes.services import Node, Publisher, Services, Update
from fabula.nodes.slot import Slot, Slots, SlotStatus, merge_slots, open_slot, slots_of

__all__ = [
    "Ask",
    "Begin",
    "Bounds",
    "Breach",
    "Carried",
    "Change",
    "Judge",
    "Make",
    "Node",
    "Parent",
    "Publisher",
    "RememberedDocuments",
    "Replacements",
    "Services",
    "Slot",
    "SlotStatus",
    "Slots",
    "Stand",
    "Start",
    "Steps",
    "Update",
    "ask",
    "decide",
    "fan_out",
    "gate",
    "merge_slots",
    "notice",
    "open_slot",
    "slots_of",
]
