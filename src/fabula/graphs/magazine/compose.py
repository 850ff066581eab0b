"""compose_layout: the whole article in one answer; its rules report, and only breaches empty."""

from __future__ import annotations

from collections.abc import Sequence

from fabula.documents import Aliases
from fabula.documents.magazine import (
    Composition,
    MagazineBrief,
    MagazineOutline,
    SectionPlan,
    SectionType,
    WrittenSection,
)
from fabula.graphs.magazine.agents import COMPOSE, Draft
from fabula.graphs.magazine.desk import WritingDesk, desk
from fabula.graphs.magazine.outline import DEK, ENDS, TITLE, line
from fabula.graphs.magazine.rules import broken
from fabula.graphs.magazine.sections import placeholder, section_faults, written
from fabula.graphs.magazine.state import WRITE, MagazineState
from fabula.graphs.magazine.templates import TEMPLATE_REGISTRY, TemplateSpec, template
from fabula.nodes import Bounds, Node, Services, Slot, Update, ask, notice, open_slot

EXCERPT, MATERIAL = 2_500, 60_000


def compose_layout(services: Services) -> Node:
    """Ask for template, plan and copy at once; leave what classify, plan and write would leave.

    There is one call, so nothing is written again: a rule that a section breaks is a notice
    (`fault`). A section that must not be published (empty, or a quote that its post does not
    have) becomes a placeholder, which makes the article `degraded`.
    """

    async def variables(state: MagazineState) -> dict[str, object]:
        on = await desk(services, state)
        alias_of = {id_: alias for alias, id_ in on.aliases.items()}
        specs = TEMPLATE_REGISTRY.values()
        return {
            "angle": on.brief.angle,
            "templates": list(specs),
            "body": _body(on.brief),
            "wanted": {
                spec.id: (on.brief.sections or spec.sections.default) - ENDS for spec in specs
            },
            "posts": on.material(
                [post.id for post in on.sources.posts], each=EXCERPT, together=MATERIAL
            ),
            "featured": [alias_of[id_] for id_ in on.brief.featured],
        }

    async def aliases(state: MagazineState) -> Aliases:
        return {
            "post": (await desk(services, state)).aliases,
            "template": {id_: id_ for id_ in TEMPLATE_REGISTRY},
        }

    async def bounds(state: MagazineState) -> Bounds:
        return {"body": _body(await services.documents.get(MagazineBrief, state["brief"]))}

    async def keep(state: MagazineState, composition: Composition) -> Update:
        basis = await desk(services, state)
        spec = template(composition.template_id)
        parts = _parts(composition)
        plans = [_plan(number, *part) for number, part in enumerate(parts, start=1)]
        ids = [await services.documents.put(plan) for plan in plans]
        outline = MagazineOutline(
            title=line(composition.title, TITLE) or line(basis.brief.angle, TITLE),
            dek=line(composition.dek, DEK),
            template_id=spec.id,
            section_plans=tuple(ids),
        )
        on = WritingDesk(basis.brief, basis.sources, spec=spec, outline=outline)
        _report_plan(on, plans)
        slots: list[Slot] = []
        for plan, id_, (_, draft) in zip(plans, ids, parts, strict=True):
            section = _settled(on, plan, written(plan, draft))
            slot = open_slot(WRITE, plan.section_id, id_)
            slots.append(
                {
                    **slot,
                    "status": "accepted" if section.status == "written" else "placeholder",
                    "document": await services.documents.put(section),
                    "reason": section.reason,
                }
            )
        return {
            "template_id": spec.id,
            "outline": await services.documents.put(outline),
            "items": {slot["id"]: slot for slot in slots},
        }

    return ask(
        COMPOSE,
        services=services,
        variables=variables,
        aliases=aliases,
        bounds=bounds,
        keep=keep,
        item="compose_layout",
    )


def _parts(composition: Composition) -> list[tuple[SectionType, Draft]]:
    return [
        ("intro", composition.intro),
        *((one.type, one) for one in composition.body),
        ("closing", composition.closing),
    ]


def _plan(number: int, type_: SectionType, draft: Draft) -> SectionPlan:
    """Return the plan that the copy follows: nobody wrote one, so its purpose is its heading."""
    section_id = f"s{number}"
    bare = SectionPlan(section_id=section_id, type=type_, purpose="", post_ids=())
    cited = [id_ for one in written(bare, draft).paragraphs for id_ in one.post_ids]
    return bare.model_copy(
        update={"purpose": draft.heading.strip(), "post_ids": tuple(dict.fromkeys(cited))}
    )


def _settled(on: WritingDesk, plan: SectionPlan, section: WrittenSection) -> WrittenSection:
    item = f"{WRITE}/{plan.section_id}"
    if reasons := broken(section, on.posts(plan.post_ids)):
        reason = " ".join(reasons)
        notice("placeholder", item=item, attempts=1, reason=reason)
        return placeholder(plan, reason)
    if found := section_faults(on, plan, section):
        notice("fault", item=item, reason=" ".join(found))
    return section


def _report_plan(on: WritingDesk, plans: Sequence[SectionPlan]) -> None:
    """Tell what a planner of more calls would have put right."""
    spec, body = on.spec, plans[1:-1]
    if len(plans) not in spec.sections and on.brief.sections is None:
        wanted = f"{spec.sections.least}~{spec.sections.most}개"
        reason = f"섹션이 {len(plans)}개인데 {wanted}여야 합니다."
        notice("fault", item="compose_layout", reason=reason)
    for plan in body:
        if plan.type not in spec.body_types:
            reason = f"{spec.name}에는 {plan.type} 섹션이 없습니다."
            notice("fault", item=f"{WRITE}/{plan.section_id}", reason=reason)
    told = {id_ for plan in body for id_ in plan.post_ids}
    for id_ in dict.fromkeys(on.brief.featured):
        if id_ not in told:
            notice("fault", item="compose_layout", reason=f"꼭 다룰 글이 빠졌습니다: {id_}.")


def _body(brief: MagazineBrief) -> tuple[int, int]:
    """Return how many body sections there may be while the template is still to be chosen."""
    if brief.sections is not None:
        return (brief.sections - ENDS, brief.sections - ENDS)
    counts: Sequence[TemplateSpec] = list(TEMPLATE_REGISTRY.values())
    return (
        min(spec.sections.least for spec in counts) - ENDS,
        max(spec.sections.most for spec in counts) - ENDS,
    )
