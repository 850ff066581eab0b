from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabula.documents.magazine import Paragraph, Post, Quote, WrittenSection
from fabula.graphs.magazine.keeping import lost, names


def post(id_: str, title: str, text: str, author: str | None = None) -> Post:
    fields: dict[str, Any] = {"url": None, "date": None, "picture": None, "picture_alt": None}
    return Post(id=id_, title=title, text=text, author=author, **fields)


SHELF = post("shelf", "느린서가에서 보낸 토요일", "책방 느린서가의 토요일.", author="오후세시")
BOWL = post("bowl", "가을 밥상의 토요일", "소금나루의 밥상.", author="문경하")
SOURCES = (SHELF, BOWL)
TEXT = (
    "오후세시는 느린서가에 1,800권이 있다고 적었습니다. “다 읽지 않아도 됩니다”라는 말이 "
    "붙어 있고, 열한 시가 되면 LP를 틉니다."
)


def section(*texts: str, **changed: Any) -> WrittenSection:
    paragraphs = tuple(Paragraph(text=text, post_ids=("shelf",)) for text in texts)
    fields: dict[str, Any] = {
        "section_id": "s2",
        "type": "spotlight",
        "status": "written",
        "heading": "느린서가의 오전",
        "paragraphs": paragraphs,
    }
    return WrittenSection(**{**fields, **changed})


def gone(after: str, before: str = TEXT) -> list[str]:
    return lost(section(before), section(after), cited=[SHELF], sources=SOURCES)


def test_other_words_around_the_same_facts_lose_nothing() -> None:
    after = (
        "느린서가에 1,800권이 있다고 오후세시는 말합니다. 책장에는 “다 읽지 않아도 됩니다”라는 "
        "말이 붙었고, 열한 시에는 LP를 틉니다."
    )
    assert gone(after) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1,800권", "1,700권", ["수가 사라졌습니다: 1800권", "없던 수가 생겼습니다: 1700권"]),
        ("1,800권", "많은 책", ["수가 사라졌습니다: 1800권"]),
        ("1,800권", "1,800쪽", ["수가 사라졌습니다: 1800권", "없던 수가 생겼습니다: 1800쪽"]),
        ("열한 시", "열두 시", ["수가 사라졌습니다: 열한시", "없던 수가 생겼습니다: 열두시"]),
        ("열한 시가", "저녁이", ["수가 사라졌습니다: 열한시"]),
        (
            "오후세시는",
            "글쓴이는",
            ["이름이 사라졌습니다: 오후세시"],
        ),
        ("느린서가에", "그 책방에", ["이름이 사라졌습니다: 느린서가"]),
        ("LP를", "음악을", ["이름이 사라졌습니다: LP"]),
        (
            "다 읽지 않아도 됩니다",
            "다 읽을 필요가 없습니다",
            [
                "따옴표 안의 말이 달라졌습니다: 다 읽지 않아도 됩니다",
                "없던 따옴말이 생겼습니다: 다 읽을 필요가 없습니다",
            ],
        ),
    ],
)
def test_a_lost_or_changed_fact_is_named(old: str, new: str, says: list[str]) -> None:
    assert old in TEXT
    assert gone(TEXT.replace(old, new)) == says


def test_a_number_that_was_not_there_is_refused() -> None:
    assert gone(f"{TEXT} 자리는 5석입니다.") == ["없던 수가 생겼습니다: 5석"]


def test_a_number_said_twice_must_stay_twice() -> None:
    assert gone("4년 뒤입니다.", "4년 전이 4년 뒤입니다.") == ["수가 사라졌습니다: 4년전"]


def test_a_fact_must_stay_in_its_own_paragraph() -> None:
    before = section("책이 12권 있습니다.", "의자는 둘입니다.")
    after = section("책이 있습니다.", "의자는 둘이고 책은 12권입니다.")
    assert lost(before, after, cited=[SHELF], sources=SOURCES) == [
        "수가 사라졌습니다: 12권",
        "없던 수가 생겼습니다: 12권",
    ]


def test_citations_stay_where_they_are() -> None:
    before = section("하나입니다.", "둘입니다.")
    moved = before.model_copy(
        update={
            "paragraphs": (
                Paragraph(text="하나입니다.", post_ids=()),
                Paragraph(text="둘입니다.", post_ids=("shelf",)),
            )
        }
    )
    shorter = before.model_copy(update={"paragraphs": before.paragraphs[:1]})
    for after in (moved, shorter):
        assert lost(before, after, cited=[SHELF], sources=SOURCES) == ["문단의 인용이 달라졌습니다"]


def test_a_quote_is_nobodys_to_polish() -> None:
    before = section("곁말입니다.", quote=Quote(text="적힌 말.", post_id="shelf"))
    after = before.model_copy(update={"quote": Quote(text="고친 말.", post_id="shelf")})
    assert lost(before, after, cited=[SHELF], sources=SOURCES) == ["따온 말이 달라졌습니다"]


def test_a_heading_is_held_to_the_same() -> None:
    before = section("곁말입니다.")
    after = before.model_copy(update={"heading": "책방의 오전"})
    assert lost(before, after, cited=[SHELF], sources=SOURCES) == ["이름이 사라졌습니다: 느린서가"]


def test_a_titles_word_is_a_name_where_no_other_source_uses_it() -> None:
    found = names([SHELF], SOURCES)
    assert {"오후세시", "느린서가", "느린서가에서 보낸 토요일"} <= set(found)
    assert "토요일" not in found


TALK = post(
    "shelf",
    "느린서가",
    "연남동 책방 주인 김민지 씨는 파리바게뜨 옆에서 박서준 작가와 이하늘 대표를 만났습니다.",
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("책방 주인 김민지 씨는", "책방 주인은"),
        ("박서준 작가와 이하늘 대표", "작가와 대표"),
        ("박서준 작가와 이하늘 대표", "이하늘 작가와 박서준 대표"),
        ("연남동", "합정동"),
        ("파리바게뜨 옆에서", "빵집 옆에서"),
    ],
)
def test_people_and_places_of_the_body_stay(old: str, new: str) -> None:
    changed = TALK.text.replace(old, new)
    assert changed != TALK.text
    assert lost(section(TALK.text), section(changed), cited=[TALK], sources=[TALK])


def test_numbers_keep_their_order() -> None:
    assert gone("5시와 2시에 엽니다.", "2시와 5시에 엽니다.") == [
        "수의 차례가 달라졌습니다: 2시, 5시"
    ]


def test_numbers_of_other_things_may_change_places() -> None:
    assert gone("서른 명이 180포기를 담급니다.", "180포기를 서른 명이 담급니다.") == []


def test_words_that_a_polish_puts_into_quotes_must_have_stood_there() -> None:
    assert gone("책방은 ‘조용한 방’입니다.", "책방은 조용한 방입니다.") == []
    assert gone("책방은 ‘쉬는 곳’입니다.", "책방은 조용한 방입니다.") == [
        "없던 따옴말이 생겼습니다: 쉬는 곳"
    ]


@given(st.text(max_size=200))
def test_the_same_text_loses_nothing(text: str) -> None:
    assert gone(text, text) == []
