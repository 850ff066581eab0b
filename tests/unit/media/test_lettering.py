from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabula.media.font import font_file
from fabula.media.lettering import drawable, fit, load_font

FONT = font_file(bold=True)
SIZES = range(80, 30, -6)
WORDS = "자취방 책상 하나로 끝내는 여름 작업실 만들기: 조명, 의자까지"


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(alphabet="가나다라힣 abcWM…,.!", max_size=90),
    width=st.integers(120, 900),
    height=st.integers(60, 500),
)
def test_no_line_is_wider_and_no_block_taller_than_its_box(
    text: str, width: int, height: int
) -> None:
    block = fit(text, FONT, width=width, height=height, sizes=SIZES)
    font = load_font(FONT, block.size)
    assert all(font.getlength(line) <= width for line in block.lines)
    assert block.height <= height


def test_lines_break_between_words() -> None:
    block = fit(WORDS, FONT, width=500, height=400, sizes=SIZES)
    assert len(block.lines) > 1
    assert " ".join(block.lines) == WORDS


def test_short_text_is_set_larger_than_long() -> None:
    short = fit("느린 가게", FONT, width=500, height=300, sizes=SIZES)
    long = fit(WORDS, FONT, width=500, height=300, sizes=SIZES)
    assert short.size == SIZES[0] > long.size


def test_lines_are_even_instead_of_leaving_a_lonely_word() -> None:
    block = fit("가나 다라 마바 사아 자차", FONT, width=400, height=400, sizes=(60,))
    assert [len(line.split()) for line in block.lines] == [3, 2]


def test_word_wider_than_the_box_is_broken_at_the_last_size_only() -> None:
    block = fit("가" * 30, FONT, width=300, height=400, sizes=(60, 40))
    assert block.size == 40
    assert "".join(block.lines) == "가" * 30


def test_what_cannot_fit_ends_in_an_ellipsis() -> None:
    block = fit(WORDS, FONT, width=200, height=80, sizes=(40,))
    assert block.lines[-1].endswith("…")
    assert WORDS.startswith(block.lines[0].rstrip("…"))


def test_empty_text_sets_no_line() -> None:
    assert fit("  ", FONT, width=200, height=80, sizes=(40,)).lines == ()


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("느린 😀 가게", "느린 가게"),
        ("느린\n\t가게\u200b", "느린 가게"),
        (unicodedata.normalize("NFD", "느린 가게"), "느린 가게"),
        ("🎉✨", ""),
        ("A “B” — C…", "A “B” — C…"),
    ],
)
def test_only_what_the_font_has_is_drawn(text: str, drawn: str) -> None:
    assert drawable(text, FONT) == drawn
