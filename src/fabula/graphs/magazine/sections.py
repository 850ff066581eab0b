"""write_section and its judge: one section's copy, and what stands where none passed."""

from __future__ import annotations

from fabula.documents.magazine import SectionPlan, WrittenSection
from fabula.errors import Rejected
from fabula.graphs.magazine.agents import SECTION_WRITERS
from fabula.graphs.magazine.desk import (
    SECTION_EXCERPT,
    SECTION_MATERIAL,
    WritingDesk,
    writing_desk,
)
from fabula.graphs.magazine.rules import BODY, faults
from fabula.nodes import Carried, Judge, Make, Services, Slot, Stand

CARRIED = ("brief", "sources", "template_id", "outline")


def write_section(services: Services) -> Make:
    """Write a slot's section with the sub-prompt of its type; a rewrite is given the reason."""

    async def make(slot: Slot, carried: Carried) -> str | Rejected:
        on = await writing_desk(services, carried)
        plan = await services.documents.get(SectionPlan, slot["plan"])
        offered = {alias: id_ for alias, id_ in on.aliases.items() if id_ in plan.post_ids}
        draft = await services.agents.call(
            SECTION_WRITERS[plan.type],
            {
                **await _assignment(services, on, plan),
                "fix": slot["reason"],
                "previous": await _previous(services, slot),
            },
            item=slot["id"],
            attempt=slot["attempt"],
            aliases={"post": offered},
        )
        if isinstance(draft, Rejected):
            return draft
        section = WrittenSection(
            section_id=plan.section_id,
            type=plan.type,
            status="written",
            heading=draft.heading.strip(),
            paragraphs=draft.paragraphs,
        )
        return await services.documents.put(section)

    return make


def judge_section(services: Services) -> Judge:
    """Return what the template's rules find wrong with a written section, or None."""

    async def judge(slot: Slot, carried: Carried) -> str | None:
        on = await writing_desk(services, carried)
        plan = await services.documents.get(SectionPlan, slot["plan"])
        section = await services.documents.get(WrittenSection, slot["document"] or "")
        found = faults(
            section,
            plan,
            spec=on.spec,
            posts=on.posts(plan.post_ids),
            aliases=on.aliases,
            must_cite=_must_cite(on, plan),
        )
        return " ".join(found) if found else None

    return judge


def placeholder_section(services: Services) -> Stand:
    """Make the typed placeholder of a section that did not pass."""

    async def stand(slot: Slot) -> str:
        plan = await services.documents.get(SectionPlan, slot["plan"])
        section = WrittenSection(
            section_id=plan.section_id,
            type=plan.type,
            status="placeholder",
            heading="",
            paragraphs=(),
            reason=slot["reason"],
        )
        return await services.documents.put(section)

    return stand


async def _assignment(services: Services, on: WritingDesk, plan: SectionPlan) -> dict[str, object]:
    alias_of = {id_: alias for alias, id_ in on.aliases.items()}
    plans = [await services.documents.get(SectionPlan, id_) for id_ in on.outline.section_plans]
    return {
        "angle": on.brief.angle,
        "title": on.outline.title,
        "dek": on.outline.dek,
        "template": on.spec,
        "plan": plan,
        "rules": on.spec.rules[plan.type],
        "plans": plans,
        "posts": on.material(plan.post_ids, each=SECTION_EXCERPT, together=SECTION_MATERIAL),
        "must_cite": [alias_of[id_] for id_ in _must_cite(on, plan)],
    }


async def _previous(services: Services, slot: Slot) -> WrittenSection | None:
    if slot["document"] is None:
        return None
    return await services.documents.get(WrittenSection, slot["document"])


def _must_cite(on: WritingDesk, plan: SectionPlan) -> tuple[str, ...]:
    if plan.type not in BODY:
        return ()
    return tuple(id_ for id_ in plan.post_ids if id_ in on.brief.featured)
