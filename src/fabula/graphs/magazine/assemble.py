"""assemble_layout: pure code from documents to the finished article."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fabula.documents.magazine import (
    Citation,
    LayoutParagraph,
    LayoutSection,
    MagazineBrief,
    MagazineLayout,
    MagazineOutline,
    Picture,
    Post,
    SectionPlan,
    SourceSet,
    WrittenSection,
)
from fabula.errors import GateFailed
from fabula.graphs.magazine.rules import BODY
from fabula.graphs.magazine.sources import PICTURES
from fabula.graphs.magazine.state import MagazineState, section_plans, written_sections
from fabula.nodes import Node, Services, Update


def assemble_layout(services: Services) -> Node:
    """Put the article together: citations numbered, pictures placed, its status derived."""

    async def assemble(state: MagazineState) -> Update:
        items, documents = state.get("items", {}), services.documents
        plans = [await documents.get(SectionPlan, id_) for id_ in section_plans(items)]
        sections = [await documents.get(WrittenSection, id_) for id_ in written_sections(items)]
        layout = layout_of(
            await documents.get(MagazineBrief, state["brief"]),
            await documents.get(MagazineOutline, state["outline"]),
            plans,
            sections,
            sources=await documents.get(SourceSet, state["sources"]),
            pictures={
                one.hash: one.name
                for one in await services.artifacts.list()
                if one.name.startswith(PICTURES)
            },
            offline=services.offline,
        )
        return {"layout": await documents.put(layout)}

    return assemble


def layout_of(
    brief: MagazineBrief,
    outline: MagazineOutline,
    plans: Sequence[SectionPlan],
    sections: Sequence[WrittenSection],
    *,
    sources: SourceSet,
    pictures: Mapping[str, str],
    offline: bool,
) -> MagazineLayout:
    """Return the layout; `pictures` gives a picture's file name by its hash.

    Raises GateFailed where a section is missing or cites a post that is not among the sources.
    """
    _check(plans, sections, sources)
    posts = {post.id: post for post in sources.posts}
    cited = [id_ for one in sections for paragraph in one.paragraphs for id_ in paragraph.post_ids]
    number_of = {id_: number for number, id_ in enumerate(dict.fromkeys(cited), start=1)}
    placed = _pictures(plans, sections, posts)
    return MagazineLayout(
        title=outline.title,
        dek=outline.dek,
        angle=brief.angle,
        template_id=outline.template_id,
        status="complete" if all(one.status == "written" for one in sections) else "degraded",
        date=brief.date,
        offline=offline,
        sections=tuple(
            _section(one, number_of, placed.get(one.section_id), pictures) for one in sections
        ),
        citations=tuple(_citation(posts[id_], number) for id_, number in number_of.items()),
    )


def _check(
    plans: Sequence[SectionPlan], sections: Sequence[WrittenSection], sources: SourceSet
) -> None:
    planned, written = [p.section_id for p in plans], [s.section_id for s in sections]
    if not planned or planned != written:
        raise GateFailed(
            "written_sections",
            got=", ".join(written) or "none",
            wanted=f"one for each plan: {', '.join(planned) or 'and at least one plan'}",
        )
    known = {post.id for post in sources.posts}
    for one in sections:
        for number, paragraph in enumerate(one.paragraphs):
            if strange := [id_ for id_ in paragraph.post_ids if id_ not in known]:
                raise GateFailed(
                    f"{one.section_id}.paragraphs.{number}.post_ids",
                    got=f"`{strange[0]}`",
                    wanted="an id of the sources",
                )


def _pictures(
    plans: Sequence[SectionPlan], sections: Sequence[WrittenSection], posts: Mapping[str, Post]
) -> dict[str, Post]:
    """Give each written section the first picture among its posts, no picture twice.

    The body chooses before intro and closing, which often share its posts.
    """
    placed: dict[str, Post] = {}
    used: set[str] = set()
    written = {one.section_id for one in sections if one.status == "written"}
    for plan in sorted(plans, key=lambda plan: plan.type not in BODY):
        for post in (posts[id_] for id_ in plan.post_ids):
            if plan.section_id in written and post.picture and post.picture not in used:
                placed[plan.section_id] = post
                used.add(post.picture)
                break
    return placed


def _section(
    section: WrittenSection,
    number_of: Mapping[str, int],
    shown: Post | None,
    pictures: Mapping[str, str],
) -> LayoutSection:
    picture = None
    if shown is not None and shown.picture is not None and shown.picture in pictures:
        alt = shown.picture_alt or shown.title
        picture = Picture(hash=shown.picture, name=pictures[shown.picture], alt=alt)
    return LayoutSection(
        section_id=section.section_id,
        type=section.type,
        status=section.status,
        heading=section.heading,
        paragraphs=tuple(
            LayoutParagraph(
                text=paragraph.text.strip(),
                citations=tuple(sorted({number_of[id_] for id_ in paragraph.post_ids})),
            )
            for paragraph in section.paragraphs
        ),
        picture=picture,
        reason=section.reason,
    )


def _citation(post: Post, number: int) -> Citation:
    return Citation(
        number=number,
        post_id=post.id,
        title=post.title,
        author=post.author,
        url=post.url,
        date=post.date,
    )
