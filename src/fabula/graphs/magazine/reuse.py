"""Plan again over sections that are written: the plan's own ones are kept where they still hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TypedDict

from fabula.documents.magazine import MagazineOutline, SectionPlan, WrittenSection
from fabula.graphs.magazine.desk import Desk, WritingDesk, desk
from fabula.graphs.magazine.outline import Existing
from fabula.graphs.magazine.sections import section_faults
from fabula.graphs.magazine.state import WRITE, MagazineState
from fabula.graphs.magazine.templates import TemplateSpec, template
from fabula.nodes import Node, Services, Slot, Update, open_slot, slots_of

UNTRIED = -1
"""The attempt of a section that this run has not written: judged without costing an attempt."""


class ExistingSection(TypedDict):
    """A section of the parent: ids of its plan and of its copy."""

    plan: str
    section: str


class ChangeState(MagazineState, total=False):
    """The magazine's state, and the sections that a new plan may take up."""

    existing: list[ExistingSection]


def existing_sections(services: Services) -> Existing:
    """Show the planner each written section, and which of them hold in the new template."""

    async def shown(state: MagazineState) -> Sequence[Mapping[str, object]]:
        on = await desk(services, state)
        alias_of = {id_: alias for alias, id_ in on.aliases.items()}
        return [
            {
                "section_id": plan.section_id,
                "type": plan.type,
                "aliases": [alias_of[id_] for id_ in plan.post_ids],
                "heading": section.heading,
                "holds": holds(on, template(state["template_id"]), plan, section),
            }
            for plan, section in await _read(services, _existing(state))
        ]

    return shown


def holds(on: Desk, spec: TemplateSpec, plan: SectionPlan, section: WrittenSection) -> bool:
    """Say whether a written section would pass in this template as it is."""
    # The rules look at no outline, and there is none yet.
    bare = MagazineOutline(title="", dek="", template_id=spec.id, section_plans=())
    judged = WritingDesk(on.brief, on.sources, spec=spec, outline=bare)
    types = ("intro", *spec.body_types, "closing")
    return plan.type in types and not section_faults(judged, plan, section)


def reuse_sections(services: Services, plan: Node) -> Node:
    """Let `plan` make its plans, then put a written section wherever one has the type and posts.

    Such a section keeps its id and its document and is opened `drafted`, for the validator to
    judge by the new template; the others get ids that the parent never used.
    """

    async def planned(state: ChangeState) -> Update:
        update = await plan(state)
        outline = await services.documents.get(MagazineOutline, update["outline"])
        new = [
            await services.documents.get(SectionPlan, slot["plan"])
            for slot in slots_of(update["items"], WRITE)
        ]
        pairs = _existing(state)
        settled = settle(new, [old for old, _ in await _read(services, pairs)])
        slots: list[Slot] = []
        for one, taken in settled:
            slot = open_slot(WRITE, one.section_id, await services.documents.put(one))
            if taken is not None:
                document = pairs[taken]["section"]
                slot = {**slot, "status": "drafted", "attempt": UNTRIED, "document": document}
            slots.append(slot)
        plans = tuple(slot["plan"] for slot in slots)
        again = outline.model_copy(update={"section_plans": plans})
        return {
            "outline": await services.documents.put(again),
            "items": {slot["id"]: slot for slot in slots},
        }

    return planned


def settle(
    plans: Sequence[SectionPlan], existing: Sequence[SectionPlan]
) -> list[tuple[SectionPlan, int | None]]:
    """Give each plan its id, and the place of the existing section that it takes up, if any.

    The same type and the same posts make the same section; each is taken up once.
    """
    free: defaultdict[tuple[str, frozenset[str]], list[int]] = defaultdict(list)
    for place, old in enumerate(existing):
        free[_key(old)].append(place)
    used = {old.section_id for old in existing}
    fresh = (f"s{number}" for number in count(1) if f"s{number}" not in used)
    settled: list[tuple[SectionPlan, int | None]] = []
    for plan in plans:
        if places := free[_key(plan)]:
            place = places.pop(0)
            kept = {"section_id": existing[place].section_id, "post_ids": existing[place].post_ids}
            settled.append((plan.model_copy(update=kept), place))
        else:
            settled.append((plan.model_copy(update={"section_id": next(fresh)}), None))
    return settled


def _key(plan: SectionPlan) -> tuple[str, frozenset[str]]:
    return plan.type, frozenset(plan.post_ids)


def _existing(state: Mapping[str, object]) -> list[ExistingSection]:
    pairs: list[ExistingSection] = state.get("existing", [])  # type: ignore[assignment]  # a MagazineState is asked of a prompt's material, and this one has more
    return pairs


async def _read(
    services: Services, pairs: Sequence[ExistingSection]
) -> list[tuple[SectionPlan, WrittenSection]]:
    read = services.documents.get
    return [
        (await read(SectionPlan, one["plan"]), await read(WrittenSection, one["section"]))
        for one in pairs
    ]
