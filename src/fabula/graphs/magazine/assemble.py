"""assemble_layout: pure code from documents to the finished article."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fabula.documents.magazine import (
    Citation,
    LayoutParagraph,
    LayoutQuote,
    LayoutSection,
    MagazineBrief,
    MagazineLayout,
    MagazineOutline,
    Paragraph,
    Picture,
    Post,
    Quote,
    SectionPlan,
    SourceSet,
    WrittenSection,
)
from fabula.errors import GateFailed
from fabula.graphs.magazine.copying import repeats
from fabula.graphs.magazine.rules import BODY
from fabula.graphs.magazine.sources import PICTURES
from fabula.graphs.magazine.state import WRITE, MagazineState, section_plans, written_sections
from fabula.graphs.magazine.templates import HOUSE_RULES
from fabula.nodes import Node, Services, Update, notice

QUOTED = 30
"""How many characters of a repeated stretch a reason quotes."""


def assemble_layout(services: Services) -> Node:
    """Put the article together: citations numbered, pictures placed, its status derived.

    What two sections say in the same words is told (notice `fault`), and stays.
    """

    async def assemble(state: MagazineState) -> Update:
        items, documents = state.get("items", {}), services.documents
        plans = [await documents.get(SectionPlan, id_) for id_ in section_plans(items)]
        sections = [await documents.get(WrittenSection, id_) for id_ in written_sections(items)]
        _tell_repeats(sections)
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
    cited = [id_ for one in sections for id_ in _cited(one)]
    number_of = {id_: number for number, id_ in enumerate(dict.fromkeys(cited), start=1)}
    page = _Page(posts, number_of, _pictures(plans, sections, posts), pictures)
    return MagazineLayout(
        title=outline.title,
        dek=outline.dek,
        angle=brief.angle,
        template_id=outline.template_id,
        status="complete" if all(one.status == "written" for one in sections) else "degraded",
        date=brief.date,
        offline=offline,
        sections=tuple(page.section(one) for one in sections),
        citations=tuple(_citation(posts[id_], number) for id_, number in number_of.items()),
    )


def _tell_repeats(sections: Sequence[WrittenSection]) -> None:
    texts = {one.section_id: "\n".join(part.text for part in one.paragraphs) for one in sections}
    for later, earlier, shared in repeats(texts, HOUSE_RULES.longest_repeat):
        reason = f"{earlier} 섹션과 같은 말이 {len(shared)}자 이어집니다: “{shared[:QUOTED]}…”."
        notice("fault", item=f"{WRITE}/{later}", reason=reason)


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
        places = [(f"paragraphs.{n}.post_ids", p.post_ids) for n, p in enumerate(one.paragraphs)]
        if one.quote:
            places.append(("quote.post_id", (one.quote.post_id,)))
        for place, post_ids in places:
            if strange := [id_ for id_ in post_ids if id_ not in known]:
                raise GateFailed(
                    f"{one.section_id}.{place}",
                    got=f"`{strange[0]}`",
                    wanted="an id of the sources",
                )


def _cited(section: WrittenSection) -> list[str]:
    quoted = [section.quote.post_id] if section.quote else []
    return quoted + [id_ for paragraph in section.paragraphs for id_ in paragraph.post_ids]


def _pictures(
    plans: Sequence[SectionPlan], sections: Sequence[WrittenSection], posts: Mapping[str, Post]
) -> dict[str, list[Post]]:
    """Give each written section the first picture among its posts, no picture twice.

    A mood_board takes one for each caption and chooses first; then the body, before intro and
    closing, which often share its posts. A quote stands without one.
    """
    placed: dict[str, list[Post]] = {}
    used: set[str] = set()
    written = {one.section_id: one for one in sections if one.status == "written"}

    def take(section_id: str, ids: Sequence[str], most: int) -> None:
        for post in (posts[id_] for id_ in ids):
            if len(placed.get(section_id, ())) == most:
                return
            if post.picture and post.picture not in used:
                placed.setdefault(section_id, []).append(post)
                used.add(post.picture)

    for plan in sorted(plans, key=_turn):
        if plan.section_id in written and plan.type == "mood_board":
            cited = _cited(written[plan.section_id])
            take(plan.section_id, cited, len(cited))
        elif plan.section_id in written and plan.type != "quote_pull":
            take(plan.section_id, plan.post_ids, 1)
    return placed


def _turn(plan: SectionPlan) -> int:
    return 0 if plan.type == "mood_board" else 1 if plan.type in BODY else 2


@dataclass(frozen=True)
class _Page:
    """What is known of the whole page when one of its sections is laid out."""

    posts: Mapping[str, Post]
    number_of: Mapping[str, int]
    placed: Mapping[str, Sequence[Post]]
    names: Mapping[str, str]
    """A picture's file name by its hash."""

    def section(self, section: WrittenSection) -> LayoutSection:
        shown = self.placed.get(section.section_id, ())
        board = section.type == "mood_board"
        return LayoutSection(
            section_id=section.section_id,
            type=section.type,
            status=section.status,
            heading=section.heading,
            paragraphs=tuple(
                LayoutParagraph(
                    text=paragraph.text.strip(),
                    citations=tuple(sorted({self.number_of[id_] for id_ in paragraph.post_ids})),
                    picture=self._under(paragraph, shown) if board else None,
                )
                for paragraph in section.paragraphs
            ),
            picture=None if board or not shown else self._picture(shown[0]),
            reason=section.reason,
            quote=self._quote(section.quote),
        )

    def _under(self, caption: Paragraph, shown: Sequence[Post]) -> Picture | None:
        post = next((one for one in shown if one.id in caption.post_ids), None)
        return self._picture(post) if post else None

    def _picture(self, post: Post) -> Picture | None:
        if post.picture is None or post.picture not in self.names:
            return None
        name, alt = self.names[post.picture], post.picture_alt or post.title
        return Picture(hash=post.picture, name=name, alt=alt)

    def _quote(self, quote: Quote | None) -> LayoutQuote | None:
        if quote is None:
            return None
        post = self.posts[quote.post_id]
        return LayoutQuote(
            text=quote.text,
            author=post.author or post.title,
            citation=self.number_of[quote.post_id],
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
