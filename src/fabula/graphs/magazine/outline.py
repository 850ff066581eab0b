"""plan_outline: the sections without their copy, and a slot for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from fabula.documents import Aliases
from fabula.documents.magazine import (
    MagazineBrief,
    MagazineOutline,
    Outline,
    PlannedBody,
    Post,
    SectionPlan,
    SectionType,
    SourceSet,
)
from fabula.graphs.magazine.agents import OUTLINE
from fabula.graphs.magazine.desk import ELLIPSIS, OUTLINE_EXCERPT, OUTLINE_MATERIAL, desk
from fabula.graphs.magazine.quoting import quotable
from fabula.graphs.magazine.state import WRITE, MagazineState
from fabula.graphs.magazine.templates import COPY, TemplateSpec, template
from fabula.nodes import Bounds, Node, Services, Update, ask, notice, open_slot

ENDS = 2
"""An intro and a closing stand around the body."""
TITLE, DEK = 80, 200


Existing = Callable[[MagazineState], Awaitable[Sequence[Mapping[str, object]]]]
"""Sections that are written already, as the prompt shows them."""


def plan_outline(services: Services, *, existing: Existing | None = None) -> Node:
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
            "existing": await existing(state) if existing else [],
        }

    async def aliases(state: MagazineState) -> Aliases:
        return {"post": (await desk(services, state)).aliases}

    async def bounds(state: MagazineState) -> Bounds:
        brief = await services.documents.get(MagazineBrief, state["brief"])
        return {"body": _body(brief, template(state["template_id"]))}

    async def keep(state: MagazineState, outline: Outline) -> Update:
        brief = await services.documents.get(MagazineBrief, state["brief"])
        spec = template(state["template_id"])
        sources = await services.documents.get(SourceSet, state["sources"])
        plans = section_plans_of(outline, spec, featured=brief.featured, posts=sources.posts)
        ids = [await services.documents.put(plan) for plan in plans]
        planned = MagazineOutline(
            title=line(outline.title, TITLE) or line(brief.angle, TITLE),
            dek=line(outline.dek, DEK),
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
    outline: Outline, spec: TemplateSpec, *, featured: Sequence[str], posts: Sequence[Post]
) -> list[SectionPlan]:
    """Return the plans in page order: intro `s1`, the body, the closing last.

    A body type that the template does not have, or that cannot be made of the section's posts (no
    sentence to pull out, too few pictures), becomes the template's first one; a featured post that
    no section of copy has goes to the one with the fewest posts. Each change is a notice.
    """
    known = {post.id: post for post in posts}
    body = [
        _possible(one, spec, known, f"s{number}")
        for number, one in enumerate(outline.body, start=ENDS)
    ]
    body = _with_featured(body, spec, featured)
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


def _possible(
    body: PlannedBody, spec: TemplateSpec, posts: Mapping[str, Post], section_id: str
) -> PlannedBody:
    if body.type not in spec.body_types:
        return _retyped(body, spec, section_id, f"{spec.name}에는 없는 섹션입니다")
    rules, own = spec.rules[body.type], [posts[id_] for id_ in dict.fromkeys(body.post_ids)]
    if body.type == "quote_pull" and rules.quote:
        kept = [post.id for post in own if quotable(post.text, rules.quote)]
        if not kept:
            return _retyped(body, spec, section_id, "인용할 만한 문장이 글에 없습니다")
        return body.model_copy(update={"post_ids": tuple(kept)})
    if body.type == "mood_board":
        kept = [post.id for post in own if post.picture][: rules.paragraphs.most]
        if len(kept) < rules.paragraphs.least:
            return _retyped(body, spec, section_id, "사진이 있는 글이 모자랍니다")
        return body.model_copy(update={"post_ids": tuple(kept)})
    return body


def _retyped(body: PlannedBody, spec: TemplateSpec, section_id: str, reason: str) -> PlannedBody:
    used = spec.body_types[0]
    notice(
        "section_type_changed",
        section_id=section_id,
        template_id=spec.id,
        planned=body.type,
        used=used,
        reason=f"{body.type} → {used}: {reason}",
    )
    return body.model_copy(update={"type": used})


def _with_featured(
    body: Sequence[PlannedBody], spec: TemplateSpec, featured: Sequence[str]
) -> list[PlannedBody]:
    body = list(body)
    told = {id_ for one in body if one.type in COPY for id_ in one.post_ids}
    missing = [id_ for id_ in dict.fromkeys(featured) if id_ not in told]
    if missing and not any(one.type in COPY for one in body):
        # A quote or a caption is no place for a post that the article must tell about.
        body[0] = _retyped(body[0], spec, f"s{ENDS}", "꼭 다룰 글을 이야기할 섹션이 필요합니다")
        missing = [id_ for id_ in missing if id_ not in body[0].post_ids]
    for id_ in missing:
        places = [number for number, one in enumerate(body) if one.type in COPY]
        place = min(places, key=lambda n: (len(body[n].post_ids), n))
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


def line(text: str, most: int) -> str:
    """Return a text on one line, cut to at most `most` characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + ELLIPSIS
