"""plan_outline: the sections without their copy, and a slot for each."""

from __future__ import annotations

from collections.abc import Sequence

from fabula.documents import Aliases
from fabula.documents.magazine import (
    MagazineBrief,
    MagazineOutline,
    Outline,
    PlannedBody,
    SectionPlan,
    SectionType,
)
from fabula.graphs.magazine.agents import OUTLINE
from fabula.graphs.magazine.desk import ELLIPSIS, OUTLINE_EXCERPT, OUTLINE_MATERIAL, desk
from fabula.graphs.magazine.state import WRITE, MagazineState
from fabula.graphs.magazine.templates import TemplateSpec, template
from fabula.nodes import Bounds, Node, Services, Update, ask, notice, open_slot

ENDS = 2
"""An intro and a closing stand around the body."""
TITLE, DEK = 80, 200


def plan_outline(services: Services) -> Node:
    """Ask for the plan, make its documents and open the slots `write_section/s1` onwards.

    An answer that cites a post that does not exist is refused; where it stays so, the run ends
    `rejected`. A featured post that the plan leaves out is added to it by code, with a notice.
    """

    async def variables(state: MagazineState) -> dict[str, object]:
        on = await desk(services, state)
        ids = [post.id for post in on.sources.posts]
        alias_of = {id_: alias for alias, id_ in on.aliases.items()}
        return {
            "angle": on.brief.angle,
            "template": template(state["template_id"]),
            "body": _body(on.brief, template(state["template_id"])),
            "wanted": _wanted(on.brief, template(state["template_id"])),
            "posts": on.material(ids, each=OUTLINE_EXCERPT, together=OUTLINE_MATERIAL),
            "featured": [alias_of[id_] for id_ in on.brief.featured],
        }

    async def aliases(state: MagazineState) -> Aliases:
        return {"post": (await desk(services, state)).aliases}

    async def bounds(state: MagazineState) -> Bounds:
        brief = await services.documents.get(MagazineBrief, state["brief"])
        return {"body": _body(brief, template(state["template_id"]))}

    async def keep(state: MagazineState, outline: Outline) -> Update:
        brief = await services.documents.get(MagazineBrief, state["brief"])
        spec = template(state["template_id"])
        plans = section_plans_of(outline, spec, featured=brief.featured)
        ids = [await services.documents.put(plan) for plan in plans]
        planned = MagazineOutline(
            title=_line(outline.title, TITLE) or _line(brief.angle, TITLE),
            dek=_line(outline.dek, DEK),
            template_id=spec.id,
            section_plans=tuple(ids),
        )
        slots = [open_slot(WRITE, p.section_id, id_) for p, id_ in zip(plans, ids, strict=True)]
        return {
            "outline": await services.documents.put(planned),
            "items": {slot["id"]: slot for slot in slots},
        }

    return ask(
        OUTLINE,
        services=services,
        variables=variables,
        aliases=aliases,
        bounds=bounds,
        keep=keep,
        item="plan_outline",
    )


def section_plans_of(
    outline: Outline, spec: TemplateSpec, *, featured: Sequence[str]
) -> list[SectionPlan]:
    """Return the plans in page order: intro `s1`, the body, the closing last.

    A body type that the template does not have becomes the template's first one; a featured post
    that no body section has goes to the one with the fewest posts. Each change is a notice.
    """
    body = _with_featured([_typed(one, spec) for one in outline.body], featured)
    parts: list[tuple[SectionType, str, Sequence[str]]] = [
        ("intro", outline.intro.purpose, outline.intro.post_ids),
        *((one.type, one.purpose, one.post_ids) for one in body),
        ("closing", outline.closing.purpose, outline.closing.post_ids),
    ]
    return [
        SectionPlan(
            section_id=f"s{number}",
            type=type_,
            purpose=" ".join(purpose.split()),
            post_ids=tuple(dict.fromkeys(post_ids)),
        )
        for number, (type_, purpose, post_ids) in enumerate(parts, start=1)
    ]


def _typed(body: PlannedBody, spec: TemplateSpec) -> PlannedBody:
    if body.type in spec.body_types:
        return body
    notice("section_type_changed", template_id=spec.id, planned=body.type, used=spec.body_types[0])
    return body.model_copy(update={"type": spec.body_types[0]})


def _with_featured(body: Sequence[PlannedBody], featured: Sequence[str]) -> list[PlannedBody]:
    body = list(body)
    for id_ in dict.fromkeys(featured):
        if any(id_ in one.post_ids for one in body):
            continue
        place = min(range(len(body)), key=lambda n: (len(body[n].post_ids), n))
        post_ids = (*body[place].post_ids, id_)
        body[place] = body[place].model_copy(update={"post_ids": post_ids})
        # The intro is s1, so the body's first section is s2.
        notice("featured_added", post_id=id_, section_id=f"s{place + ENDS}")
    return body


def _body(brief: MagazineBrief, spec: TemplateSpec) -> tuple[int, int]:
    if brief.sections is not None:
        return (brief.sections - ENDS, brief.sections - ENDS)
    return (spec.sections.least - ENDS, spec.sections.most - ENDS)


def _wanted(brief: MagazineBrief, spec: TemplateSpec) -> int:
    return (brief.sections or spec.sections.default) - ENDS


def _line(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + ELLIPSIS
