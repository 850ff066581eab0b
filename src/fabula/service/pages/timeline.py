"""A run's events as people read them: a step's together, a fan-out's by item, the rest in between.

Each event stands in exactly one line. A group and a row are named by their first event's number,
so that the same events always make the same page, however many were there before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fabula.service.pages.lines import Line, line_of
from fabula.store.events import PART_ENDED, Event

"""The event that ends a part: steps of the same name after it are other ones."""
ENDS = {"step.finished": "done", "step.failed": "failed", "placeholder": "placeholder"}


@dataclass
class Row:
    """One item of a fan-out, or a step that has none."""

    name: str
    lines: list[Line] = field(default_factory=list)
    state: str = "noted"
    attempts: int = 1
    cost: int = 0
    began: float | None = None
    took: float | None = None
    reason: str = ""

    @property
    def first(self) -> int:
        return self.lines[0].seq

    @property
    def last(self) -> int:
        return self.lines[-1].seq

    @property
    def open(self) -> bool:
        return self.state in ("running", "waiting", "stopped")


@dataclass
class Group:
    """A step's rows: one for each of its items, and one for the step itself where it has a life."""

    name: str
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def first(self) -> int:
        return next(iter(self.rows.values())).first

    @property
    def last(self) -> int:
        return max(row.last for row in self.rows.values())

    @property
    def fans_out(self) -> bool:
        return any(row.name != self.name for row in self.rows.values())

    @property
    def items(self) -> list[Row]:
        return list(self.rows.values())

    def short(self, row: Row) -> str:
        """Return a row's name without the step's, which the group has already."""
        return row.name.removeprefix(f"{self.name}/")

    @property
    def cost(self) -> int:
        return sum(row.cost for row in self.rows.values())

    @property
    def done(self) -> int:
        return sum(row.state in ("done", "placeholder") for row in self.rows.values())

    @property
    def state(self) -> str:
        """The state that asks for most attention."""
        states = {row.state for row in self.rows.values()}
        order = ("running", "waiting", "stopped", "failed", "placeholder", "done")
        return next((one for one in order if one in states), "noted")


@dataclass
class Fact:
    """An event that belongs to no step."""

    line: Line

    @property
    def first(self) -> int:
        return self.line.seq

    last = first


Entry = Group | Fact


@dataclass(frozen=True)
class Patch:
    """What of a page is drawn anew: a whole entry, or of a group its head and some rows."""

    entry: Entry
    rows: tuple[Row, ...] = ()
    whole: bool = True


def arrange(events: Iterable[Event], status: str) -> list[Entry]:
    """Put events in their order into entries; what is begun stands as the run's status has it."""
    maker, told = _Maker(), ""
    for event in events:
        maker.take(event)
        if event.type.startswith("run."):
            told = event.status or told
    # An end is told of a moment before it stands in the row, and no event says that it does by now.
    if status == "running" and told:
        status = told
    begun = status if status in ("running", "waiting") else "stopped"
    for group in maker.groups:
        for row in group.rows.values():
            row.state = begun if row.state == "running" else row.state
    return maker.entries


def patches(entries: Sequence[Entry], events: Sequence[Event], after: int) -> list[Patch]:
    """Return what differs from the page that ended with the event `after`."""
    # A run that stops or goes on changes how every open row looks.
    turned = any(one.seq > after and one.type.startswith("run.") for one in events)
    found: list[Patch] = []
    for entry in entries:
        if isinstance(entry, Fact) or entry.first > after:
            if entry.first > after:
                found.append(Patch(entry))
            continue
        touched = tuple(row for row in entry.items if row.last > after or (turned and row.open))
        if not touched:
            continue
        fanned_out = any(row.name != entry.name and row.first <= after for row in entry.items)
        found.append(Patch(entry, touched, whole=not (entry.fans_out and fanned_out)))
    return found


class _Maker:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.groups: list[Group] = []
        self._named: dict[str, Group] = {}

    def take(self, event: Event) -> None:
        step = self._step(event)
        if step is None:
            self.entries.append(Fact(line_of(event)))
            if event.type == PART_ENDED:
                self._named = {}
            elif event.type.startswith("run."):
                self._pause()
            return
        if step not in self._named:
            self._named[step] = Group(step)
            self.entries.append(self._named[step])
            self.groups.append(self._named[step])
        item = event.item or step
        _add(self._named[step].rows.setdefault(item, Row(item)), event)

    def _step(self, event: Event) -> str | None:
        if event.step:
            return event.step
        if event.item is None or event.type == "artifact":
            return None
        step, slash, _ = event.item.partition("/")
        return step if slash or step in self._named else None

    def _pause(self) -> None:
        # What waited through a stop took longer than its work.
        for group in self.groups:
            for row in group.rows.values():
                row.began = None


def _add(row: Row, event: Event) -> None:
    row.lines.append(line_of(event, of=row.name))
    if event.type == "step.started":
        row.state, row.began, row.reason = "running", event.at, ""
    elif event.type in ENDS:
        if row.state != "placeholder":
            row.state = ENDS[event.type]
        if row.began is not None:
            row.took = (row.took or 0.0) + event.at - row.began
            row.began = None
    elif event.type == "rewrite":
        row.attempts = max(row.attempts, _whole(event.note.get("attempt")) + 1)
        row.state = "running"
    if event.type == "cost":
        row.cost += row.lines[-1].nano
    if event.type in ("step.failed", "placeholder", "rewrite", "fault"):
        row.reason = str(event.note.get("reason", ""))


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0
