"""polish_layout: one pass over the whole article for its tone; what loses a fact is refused."""

from __future__ import annotations

from collections.abc import Mapping

from fabula.documents.magazine import Polish, PolishedSection, SectionPlan, WrittenSection
from fabula.errors import Rejected
from fabula.graphs.magazine.agents import POLISH
from fabula.graphs.magazine.desk import WritingDesk, writing_desk
from fabula.graphs.magazine.keeping import lost
from fabula.graphs.magazine.sections import section_faults
from fabula.graphs.magazine.state import WRITE, MagazineState
from fabula.nodes import Node, Services, Slot, Update, notice, slots_of


def polish_layout(services: Services, *, temperature: float) -> Node:
    """Ask once for the whole article, and judge each section of the answer by itself.

    A section that lost a number, a name, quoted words or a citation, or breaks a rule that it did
    not break before, keeps its unpolished text (notice `polish_refused`); so do all of them where
    the answer stayed bad.
    """

    async def polish(state: MagazineState) -> Update:
        on = await writing_desk(services, state)
        slots = {
            slot["id"]: slot
            for slot in slots_of(state.get("items", {}), WRITE)
            if slot["status"] == "accepted" and slot["document"]
        }
        sections = {
            id_: await services.documents.get(WrittenSection, slot["document"] or "")
            for id_, slot in slots.items()
        }
        if not sections:
            return {}
        answer = await services.agents.call(
            POLISH,
            _variables(on, sections),
            item="polish_layout",
            aliases={
                "section": {one.section_id: one.section_id for one in sections.values()},
                "post": on.aliases,
            },
            bounds={"sections": (0, len(sections))},
            temperature=temperature,
        )
        if isinstance(answer, Rejected):
            notice("polish_refused", item="polish_layout", lost=[], reason=answer.reason)
            return {}
        return {"items": await _accepted(on, slots, sections, answer)}

    async def _accepted(
        on: WritingDesk,
        slots: Mapping[str, Slot],
        sections: Mapping[str, WrittenSection],
        answer: Polish,
    ) -> dict[str, Slot]:
        polished = {one.section_id: one for one in reversed(answer.sections)}
        changed: dict[str, Slot] = {}
        for id_, section in sections.items():
            draft = polished.get(section.section_id)
            if draft is None:
                continue
            plan = await services.documents.get(SectionPlan, slots[id_]["plan"])
            after = _polished(section, draft)
            gone, reason = _refused(on, plan, section, after)
            if reason:
                notice("polish_refused", item=id_, lost=gone, reason=reason)
            elif after != section:
                document = await services.documents.put(after)
                changed[id_] = {**slots[id_], "document": document}
        return changed

    return polish


def _variables(on: WritingDesk, sections: Mapping[str, WrittenSection]) -> dict[str, object]:
    alias_of = {id_: alias for alias, id_ in on.aliases.items()}
    return {
        "title": on.outline.title,
        "dek": on.outline.dek,
        "template": on.spec,
        "sections": [
            {
                "section_id": one.section_id,
                "type": one.type,
                "heading": one.heading,
                "quote": one.quote.text if one.quote else None,
                "paragraphs": [
                    {"text": part.text, "aliases": [alias_of[id_] for id_ in part.post_ids]}
                    for part in one.paragraphs
                ],
            }
            for one in sections.values()
        ],
    }


def _polished(section: WrittenSection, draft: PolishedSection) -> WrittenSection:
    return section.model_copy(
        update={"heading": draft.heading.strip(), "paragraphs": draft.paragraphs}
    )


def _refused(
    on: WritingDesk, plan: SectionPlan, before: WrittenSection, after: WrittenSection
) -> tuple[list[str], str]:
    cited = [id_ for paragraph in before.paragraphs for id_ in paragraph.post_ids]
    gone = lost(before, after, cited=on.posts(list(dict.fromkeys(cited))), sources=on.sources.posts)
    if gone:
        return gone, ". ".join(gone)
    known = section_faults(on, plan, before)
    found = section_faults(on, plan, after)
    # One call's section may come with faults that were only reported: a polish adds none.
    return [], " ".join(found) if len(found) > len(known) else ""
