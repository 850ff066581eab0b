from __future__ import annotations

from typing import Any

import pytest

from fabula.documents.magazine import (
    LayoutQuote,
    MagazineLayout,
    MagazineOutline,
    Paragraph,
    Post,
    Quote,
    SectionPlan,
    SourceSet,
    WrittenSection,
)
from fabula.errors import GateFailed
from fabula.graphs.magazine.assemble import layout_of
from fabula.testing.magazine import brief_of


def post(id_: str, picture: str | None = None) -> Post:
    return Post(
        id=id_,
        title=f"제목 {id_}",
        text="글.",
        author="김",
        url=f"https://example.com/{id_}",
        date=None,
        picture=picture,
        picture_alt=None,
    )


def plans(*posts: tuple[str, ...]) -> list[SectionPlan]:
    types: list[Any] = ["intro", *["spotlight"] * (len(posts) - 2), "closing"]
    return [
        SectionPlan(section_id=f"s{n}", type=type_, purpose="본다", post_ids=ids)
        for n, (type_, ids) in enumerate(zip(types, posts, strict=True), start=1)
    ]


def written(plan: SectionPlan, *cited: tuple[str, ...]) -> WrittenSection:
    return WrittenSection(
        section_id=plan.section_id,
        type=plan.type,
        status="written",
        heading="제목",
        paragraphs=tuple(Paragraph(text=" 글. ", post_ids=ids) for ids in cited),
    )


def placeholder(plan: SectionPlan) -> WrittenSection:
    return WrittenSection(
        section_id=plan.section_id,
        type=plan.type,
        status="placeholder",
        heading="",
        paragraphs=(),
        reason="짧습니다",
    )


def layout(
    planned: list[SectionPlan], sections: list[WrittenSection], *posts: Post, offline: bool = False
) -> MagazineLayout:
    outline = MagazineOutline(
        title="제목", dek="덱", template_id="editorial-deep", section_plans=("x",)
    )
    return layout_of(
        brief_of(),
        outline,
        planned,
        sections,
        sources=SourceSet(posts=posts or (post("a"), post("b"), post("c")), problems=()),
        pictures={"f1": "pictures/f1.jpg", "f2": "pictures/f2.jpg"},
        offline=offline,
    )


def test_citations_are_numbered_in_the_order_of_their_first_use() -> None:
    three = plans((), ("b", "c"), ("a",))
    made = layout(
        three,
        [written(three[0], ()), written(three[1], ("c",), ("b", "c")), written(three[2], ("a",))],
    )
    assert [(one.number, one.post_id) for one in made.citations] == [(1, "c"), (2, "b"), (3, "a")]
    assert [one.citations for one in made.sections[1].paragraphs] == [(1,), (1, 2)]
    assert made.citations[0].url == "https://example.com/c"
    assert made.sections[1].paragraphs[0].text == "글."


def test_a_post_that_nobody_cites_is_no_citation() -> None:
    three = plans(("a",), ("b",), ())
    made = layout(three, [written(three[0], ()), written(three[1], ("b",)), written(three[2], ())])
    assert [one.post_id for one in made.citations] == ["b"]


def test_complete_without_and_degraded_with_a_placeholder() -> None:
    three = plans((), ("a",), ())
    whole = [written(one, ()) for one in three]
    assert layout(three, whole).status == "complete"
    broken = layout(three, [whole[0], placeholder(three[1]), whole[2]])
    assert (broken.status, broken.sections[1].status) == ("degraded", "placeholder")
    assert broken.sections[1].reason == "짧습니다"


def test_an_article_of_placeholders_alone_still_stands() -> None:
    three = plans((), ("a",), ())
    made = layout(three, [placeholder(one) for one in three])
    assert made.status == "degraded"
    assert made.citations == ()


def test_each_picture_stands_once_and_the_body_chooses_first() -> None:
    posts = (post("a", "f1"), post("b"), post("c", "f2"))
    four = plans(("a",), ("b", "a"), ("a", "c"), ("c",))
    made = layout(four, [written(one, ()) for one in four], *posts)
    names = [one.picture.name if one.picture else None for one in made.sections]
    assert names == [None, "pictures/f1.jpg", "pictures/f2.jpg", None]
    picture = made.sections[1].picture
    assert picture is not None
    assert picture.alt == "제목 a"


def test_a_placeholder_takes_no_picture() -> None:
    three = plans(("a",), ("a",), ())
    sections = [written(three[0], ()), placeholder(three[1]), written(three[2], ())]
    made = layout(three, sections, post("a", "f1"))
    assert [bool(one.picture) for one in made.sections] == [True, False, False]


def test_a_section_that_is_missing_breaks_the_line() -> None:
    three = plans((), ("a",), ())
    with pytest.raises(GateFailed) as caught:
        layout(three, [written(three[0], ()), written(three[2], ())])
    assert (caught.value.path, caught.value.got) == ("written_sections", "s1, s3")
    with pytest.raises(GateFailed):
        layout([], [])


def test_a_citation_of_a_post_that_is_not_there_breaks_the_line() -> None:
    three = plans((), ("a",), ())
    sections = [written(three[0], ()), written(three[1], (), ("zzz",)), written(three[2], ())]
    with pytest.raises(GateFailed) as caught:
        layout(three, sections)
    assert caught.value.path == "s2.paragraphs.1.post_ids"


def test_the_offline_models_work_is_marked() -> None:
    three = plans((), ("a",), ())
    assert layout(three, [written(one, ()) for one in three], offline=True).offline


def typed(plan: SectionPlan, type_: Any) -> SectionPlan:
    return plan.model_copy(update={"type": type_})


def test_a_quote_is_attributed_to_its_posts_author_and_cited() -> None:
    planned = plans(("a",), ("b",), ("c",))
    planned[1] = typed(planned[1], "quote_pull")
    quoted = written(planned[1], ("b",)).model_copy(
        update={"quote": Quote(text="말.", post_id="b")}
    )
    sections = [written(planned[0], ("a",)), quoted, written(planned[2], ())]
    made = layout(planned, sections, post("a"), post("b", "f1"), post("c"))
    assert made.sections[1].quote == LayoutQuote(text="말.", author="김", citation=2)
    assert made.sections[1].pictures == ()
    assert made.sections[0].quote is None


def test_a_quote_of_nobody_is_attributed_to_its_title() -> None:
    planned = plans(("a",), ("b",), ("c",))
    planned[1] = typed(planned[1], "quote_pull")
    quoted = written(planned[1], ()).model_copy(update={"quote": Quote(text="말.", post_id="b")})
    sections = [written(planned[0], ()), quoted, written(planned[2], ())]
    nobody = post("b").model_copy(update={"author": None})
    made = layout(planned, sections, post("a"), nobody, post("c"))
    assert made.sections[1].quote == LayoutQuote(text="말.", author="제목 b", citation=1)
    assert [one.post_id for one in made.citations] == ["b"]


def test_a_quote_of_a_post_that_is_not_there_breaks_the_line() -> None:
    planned = plans(("a",), ("b",), ("c",))
    lost = written(planned[1], ()).model_copy(update={"quote": Quote(text="말.", post_id="zz")})
    sections = [written(planned[0], ()), lost, written(planned[2], ())]
    with pytest.raises(GateFailed, match=r"s2\.quote\.post_id"):
        layout(planned, sections)


def test_a_boards_captions_stand_under_their_own_pictures_which_nobody_else_shows() -> None:
    planned = plans(("a",), ("a", "b", "c"), ("b",))
    planned[1] = typed(planned[1], "mood_board")
    sections = [
        written(planned[0], ("a",)),
        written(planned[1], ("b",), ("a",), ("c",)),
        written(planned[2], ("b",)),
    ]
    made = layout(planned, sections, post("a", "f1"), post("b", "f2"), post("c"))
    board = made.sections[1]
    assert [one.picture and one.picture.name for one in board.paragraphs] == [
        "pictures/f2.jpg",
        "pictures/f1.jpg",
        None,
    ]
    assert board.picture is None
    assert [one.hash for one in made.pictures] == ["f2", "f1"]
    assert made.sections[0].picture is made.sections[2].picture is None
