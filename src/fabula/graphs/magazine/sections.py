"""write_section and its judge: one section's copy, and what stands where none passed."""

from __future__ import annotations

from fabula.documents.magazine import (
    Paragraph,
    Quote,
    QuoteDraft,
    SectionDraft,
    SectionPlan,
    WrittenSection,
)
from fabula.errors import Rejected
from fabula.graphs.magazine.agents import SECTION_WRITERS, Draft
from fabula.graphs.magazine.desk import (
    SECTION_EXCERPT,
    SECTION_MATERIAL,
    WritingDesk,
    writing_desk,
)
from fabula.graphs.magazine.quoting import bare_quote
from fabula.graphs.magazine.rules import faults
from fabula.graphs.magazine.templates import COPY, TemplateSpec
from fabula.nodes import Bounds, Carried, Judge, Make, Services, Slot, Stand

CARRIED = ("brief", "sources", "template_id", "outline")


def write_section(services: Services) -> Make:
    """Write a slot's section with the sub-prompt of its type; a rewrite is given the reason."""

    async def make(slot: Slot, carried: Carried) -> str | Rejected:
        on = await writing_desk(services, carried)
        plan = await services.documents.get(SectionPlan, slot["plan"])
        offered = {alias: id_ for alias, id_ in on.aliases.items() if id_ in plan.post_ids}
        draft: Draft | Rejected = await services.agents.call(
            SECTION_WRITERS[plan.type],
            {
                **await _assignment(services, on, plan),
                "fix": slot["reason"],
                "previous": await _previous(services, slot),
            },
            item=slot["id"],
            attempt=slot["attempt"],
            aliases={"post": offered},
            bounds=_bounds(on.spec, plan),
        )
        if isinstance(draft, Rejected):
            return draft
        return await services.documents.put(written(plan, draft))

    return make


def written(plan: SectionPlan, draft: Draft) -> WrittenSection:
    """Return the section that a writer's answer makes; nothing is judged."""
    quote = None
    if isinstance(draft, SectionDraft):
        paragraphs = draft.paragraphs
    elif isinstance(draft, QuoteDraft):
        quote = Quote(text=bare_quote(draft.quote), post_id=draft.post_id)
        paragraphs = (Paragraph(text=draft.lead, post_ids=(draft.post_id,)),)
    else:
        paragraphs = tuple(
            Paragraph(text=one.text, post_ids=(one.post_id,)) for one in draft.captions
        )
    return WrittenSection(
        section_id=plan.section_id,
        type=plan.type,
        status="written",
        heading=draft.heading.strip(),
        paragraphs=paragraphs,
        quote=quote,
    )


def section_faults(on: WritingDesk, plan: SectionPlan, section: WrittenSection) -> list[str]:
    """Return what the template's rules find wrong with a written section."""
    return faults(
        section,
        plan,
        spec=on.spec,
        posts=on.posts(plan.post_ids),
        aliases=on.aliases,
        must_cite=_must_cite(on, plan),
    )


def judge_section(services: Services) -> Judge:
    """Return what the template's rules find wrong with a written section, or None."""

    async def judge(slot: Slot, carried: Carried) -> str | None:
        on = await writing_desk(services, carried)
        plan = await services.documents.get(SectionPlan, slot["plan"])
        section = await services.documents.get(WrittenSection, slot["document"] or "")
        found = section_faults(on, plan, section)
        return " ".join(found) if found else None

    return judge


def placeholder_section(services: Services) -> Stand:
    """Make the typed placeholder of a section that did not pass."""

    async def stand(slot: Slot) -> str:
        plan = await services.documents.get(SectionPlan, slot["plan"])
        return await services.documents.put(placeholder(plan, slot["reason"]))

    return stand


def placeholder(plan: SectionPlan, reason: str | None) -> WrittenSection:
    """Return what stands where a section did not pass."""
    return WrittenSection(
        section_id=plan.section_id,
        type=plan.type,
        status="placeholder",
        heading="",
        paragraphs=(),
        reason=reason,
    )


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


def _bounds(spec: TemplateSpec, plan: SectionPlan) -> Bounds:
    if plan.type != "mood_board":
        return {}
    captions = spec.rules["mood_board"].paragraphs
    return {"captions": (captions.least, min(captions.most, len(plan.post_ids)))}


async def _previous(services: Services, slot: Slot) -> WrittenSection | None:
    if slot["document"] is None:
        return None
    return await services.documents.get(WrittenSection, slot["document"])


def _must_cite(on: WritingDesk, plan: SectionPlan) -> tuple[str, ...]:
    if plan.type not in COPY:
        return ()
    return tuple(id_ for id_ in plan.post_ids if id_ in on.brief.featured)
