from __future__ import annotations

import random
from typing import Any

import pytest

from fabula.documents.magazine import Paragraph, Post, SectionPlan, WrittenSection
from fabula.graphs.magazine.rules import faults
from fabula.graphs.magazine.templates import TEMPLATE_REGISTRY

SPEC = TEMPLATE_REGISTRY["editorial-deep"]
ALIASES = {"p1": "마당", "p2": "골목", "p3": "책방"}
PLAN = SectionPlan(section_id="s2", type="spotlight", purpose="본다", post_ids=("마당", "골목"))
SENTENCE = "마당 끝의 나무 의자는 {n}년 동안 같은 자리에서 아침 볕을 받았습니다."


def prose(start: int, count: int = 8) -> str:
    return " ".join(SENTENCE.format(n=n) for n in range(start, start + count))


def section(**changed: Any) -> WrittenSection:
    fields: dict[str, Any] = {
        "section_id": "s2",
        "type": "spotlight",
        "status": "written",
        "heading": "의자 하나의 시간",
        "paragraphs": (
            Paragraph(text=prose(1), post_ids=("마당",)),
            Paragraph(text=prose(10), post_ids=()),
        ),
    }
    return WrittenSection(**{**fields, **changed})


def with_text(text: str) -> WrittenSection:
    """Add a text to the first paragraph of a section that passes."""
    first = Paragraph(text=f"{prose(1)} {text}", post_ids=("마당",))
    return section(paragraphs=(first, Paragraph(text=prose(10), post_ids=())))


def post(text: str) -> Post:
    return Post(
        id="마당",
        title="마당",
        text=text,
        author=None,
        url=None,
        date=None,
        picture=None,
        picture_alt=None,
    )


def check(
    written: WrittenSection, *, posts: tuple[Post, ...] = (), must_cite: tuple[str, ...] = ()
) -> list[str]:
    return faults(written, PLAN, spec=SPEC, posts=posts, aliases=ALIASES, must_cite=must_cite)


def test_a_sound_section_has_no_fault() -> None:
    assert check(section()) == []


def test_a_short_body_says_how_long_it_is_and_how_long_it_must_be() -> None:
    text = prose(1, 3)
    found = check(
        section(
            paragraphs=(
                Paragraph(text=text, post_ids=("마당",)),
                Paragraph(text=prose(10, 2), post_ids=()),
            )
        )
    )
    characters = len(text) + len(prose(10, 2))
    assert found == [f"본문은 {characters}자인데 400~1100자여야 합니다."]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"heading": "짧"}, "제목은 1자인데 4~40자여야 합니다."),
        (
            {"paragraphs": (Paragraph(text=prose(1, 14), post_ids=("마당",)),)},
            "문단은 1개인데 2~5개여야 합니다.",
        ),
        (
            {
                "paragraphs": (
                    Paragraph(text=prose(1, 14), post_ids=("마당",)),
                    Paragraph(text=" ", post_ids=()),
                )
            },
            "빈 문단이 있습니다.",
        ),
        (
            {"paragraphs": (Paragraph(text=prose(1), post_ids=("마당",)),) * 2},
            "같은 문단이 두 번 있습니다.",
        ),
        (
            {
                "paragraphs": (
                    Paragraph(text=prose(1), post_ids=()),
                    Paragraph(text=prose(10), post_ids=()),
                )
            },
            "근거로 삼은 글을 적어도 하나는 인용해야 합니다.",
        ),
        (
            {
                "paragraphs": (
                    Paragraph(text=prose(1), post_ids=("책방",)),
                    Paragraph(text=prose(10), post_ids=()),
                )
            },
            "이 섹션의 계획에 없는 글을 인용했습니다: 책방.",
        ),
    ],
    ids=["heading", "paragraphs", "empty", "twice", "no citation", "strange citation"],
)
def test_each_broken_rule_is_named_alone(changed: dict[str, Any], says: str) -> None:
    assert check(section(**changed)) == [says]


def test_too_many_sentences_are_counted() -> None:
    written = with_text("그렇습니다. " * 20)
    assert check(written) == ["문장은 36개인데 5~26개여야 합니다."]


def test_a_featured_post_must_be_cited() -> None:
    assert check(section(), must_cite=("마당",)) == []
    assert check(section(), must_cite=("골목",)) == ["꼭 다룰 글을 인용하지 않았습니다: p2."]


def test_a_banned_word_is_named() -> None:
    (found,) = check(with_text("그 의자는 최고의 자리에 놓였습니다."))
    assert "최고의" in found


def test_another_speech_register_is_quoted() -> None:
    (found,) = check(with_text("그 의자가 저는 참 좋아요."))
    assert found.startswith("합니다체로 써야 하는데")
    assert "참 좋아요" in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("근거는 p1에 있습니다.", "번호를 적지 마세요: p1"),
        ("**굵은 말**은 쓰지 않습니다.", "마크다운"),
        ("```json 코드가 있습니다.", "마크다운"),
        ("자세한 것은 https://a.b 에 있습니다.", "웹 주소"),
        ("</post> 다음은 이어집니다.", "꼬리표"),
        ("&lt;post&gt; 다음은 이어집니다.", "꼬리표"),
        ("시스템 프롬프트를 말씀드리겠습니다.", "지시"),
        ('{"heading": "제목"} 이 있습니다.', "JSON"),
    ],
)
def test_leftovers_of_the_workshop_are_refused(text: str, says: str) -> None:
    (found,) = check(with_text(text))
    assert says in found


@pytest.mark.parametrize(
    "text",
    [
        "물론 비용은 듭니다.",
        "지도에는 P2P라는 말과 mp3라는 말이 함께 적혀 있었습니다.",
        "p77이라는 표지판이 서 있었습니다.",
        "언어 모델이라는 낱말을 그날 처음 들었습니다.",
        "3 < 5라고 적은 쪽지가 남았습니다.",
    ],
)
def test_innocent_words_pass(text: str) -> None:
    assert check(with_text(text)) == []


def test_a_long_copy_of_a_source_is_refused_and_a_short_one_is_not() -> None:
    rng = random.Random(1)
    copied = "".join(rng.choices([chr(0xAC00 + n * 7) for n in range(900)], k=130))
    source = post(f"앞말. {copied} 뒷말.")
    (found,) = check(with_text(f"{copied}라고 했습니다."), posts=(source,))
    assert found.startswith("자료를 13")
    assert "그대로 옮겼습니다" in found
    assert check(with_text(f"{copied[:100]}라고 했습니다."), posts=(source,)) == []


def test_an_intro_needs_no_citation() -> None:
    plan = SectionPlan(section_id="s1", type="intro", purpose="연다", post_ids=())
    intro = WrittenSection(
        section_id="s1",
        type="intro",
        status="written",
        heading="의자 하나",
        paragraphs=(Paragraph(text=prose(1), post_ids=()),),
    )
    assert faults(intro, plan, spec=SPEC, posts=(), aliases=ALIASES, must_cite=()) == []
