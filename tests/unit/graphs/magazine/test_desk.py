from __future__ import annotations

import pytest

from fabula.documents.magazine import Post, SourceSet
from fabula.graphs.magazine.desk import Desk, excerpt
from fabula.testing.magazine import brief_of

LONG = " ".join(f"{n}번째 문장은 조금 깁니다." for n in range(1, 200))


def desk_of(*texts: str) -> Desk:
    posts = tuple(
        Post(
            id=f"글-{n}",
            title=f"제목 {n}",
            text=text,
            author=None,
            url=None,
            date=None,
            picture=None,
            picture_alt=None,
        )
        for n, text in enumerate(texts)
    )
    return Desk(brief=brief_of(), sources=SourceSet(posts=posts, problems=()))


def test_a_short_text_stays_whole() -> None:
    assert excerpt("짧은 글.\n\n둘째 문단.", 100) == "짧은 글. 둘째 문단."


@pytest.mark.parametrize("limit", [30, 120, 600])
def test_a_long_text_is_cut_after_a_whole_sentence(limit: int) -> None:
    cut = excerpt(LONG, limit)
    assert len(cut) <= limit
    assert cut.endswith("깁니다. …")
    assert LONG.startswith(cut.removesuffix(" …"))


def test_a_text_without_an_end_is_cut_at_the_limit() -> None:
    assert excerpt("가" * 500, 100) == "가" * 99 + "…"


def test_posts_keep_their_alias_whatever_part_of_them_is_shown() -> None:
    on = desk_of("하나.", "둘.", "셋.")
    shown = on.material(["글-2", "글-0"], each=100, together=1000)
    assert [one["alias"] for one in shown] == ["p3", "p1"]


def test_many_posts_share_the_room_of_one_prompt() -> None:
    on = desk_of(*[LONG] * 40)
    ids = [post.id for post in on.sources.posts]
    shown = on.material(ids, each=2500, together=8000)
    assert sum(len(one["text"]) for one in shown) <= 8000
    assert min(len(one["text"]) for one in shown) > 100
