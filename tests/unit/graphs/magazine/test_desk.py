from __future__ import annotations

import pytest

from fabula.documents.magazine import Excerpt, Post, SourceSet
from fabula.graphs.magazine.desk import Desk, excerpt, shown
from fabula.graphs.magazine.intake.excerpts import cut
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
    assert sum(len(str(one["text"])) for one in shown) <= 8000
    assert min(len(str(one["text"])) for one in shown) > 100


def test_of_a_long_post_every_stretch_is_shown_where_there_is_room() -> None:
    parts = [f"{n}번째 대목의 문장은 이만큼 깁니다. " * 30 for n in range(5)]
    text = "".join(parts)
    ends = [len("".join(parts[: n + 1])) for n in range(5)]
    places = tuple(
        Excerpt(start=end - len(part), end=end) for end, part in zip(ends, parts, strict=True)
    )
    (post,) = desk_of(cut(text, places)).sources.posts
    long = post.model_copy(update={"excerpts": places})
    assert all(f"{n}번째 대목" in shown(long, 2_500) for n in range(5))
    assert [n for n in range(5) if f"{n}번째 대목" in shown(long, 600)] == [0, 2, 4]
    assert shown(long, 120).startswith("0번째")
    for limit in (120, 300, 600, 1_000, 2_500):
        assert len(shown(long, limit)) <= limit
