from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabula.korean.length import count_characters, graphemes


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("한글 맞춤법", 6),
        ("e\u0301te\u0301", 3),
        ("👨‍👩‍👧가", 2),
        ("👍🏽", 1),
        ("🇰🇷🇯🇵", 2),
        ("1️⃣", 1),
        ("❤️‍🔥", 1),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 1),
        ("\u1112\u119e\u11ab글", 2),
        ("ㄱㅏㅋㅋ", 4),
        ("가\u200b나\ufeff", 2),
        ("가\r\n나", 3),
    ],
)
def test_a_character_is_what_a_reader_sees(text: str, count: int) -> None:
    assert count_characters(text, spaces=True) == count


def test_spaces_line_breaks_and_fillers_can_be_left_out() -> None:
    text = "가 나\u3000다\n라\u3164마\t바"
    assert count_characters(text, spaces=True) == 11
    assert count_characters(text, spaces=False) == 6


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xD7A3)))
def test_either_unicode_form_counts_the_same(text: str) -> None:
    apart = unicodedata.normalize("NFD", text)
    for spaces in (True, False):
        assert count_characters(apart, spaces=spaces) == count_characters(text, spaces=spaces)


@given(st.text(alphabet="가나다라 마바사"), st.text(alphabet="각 난ab"))
def test_plain_texts_add_up(one: str, other: str) -> None:
    assert count_characters(one + other, spaces=True) == len(one) + len(other)


@given(st.text(alphabet="가e\u0301👍🏽 a"))
def test_graphemes_are_the_text_cut_up(text: str) -> None:
    assert "".join(graphemes(text)) == unicodedata.normalize("NFC", text)
