from __future__ import annotations

import unicodedata

import pytest

from fabula.graphs.magazine.quoting import bare_quote, is_whole, quotable, stands_in
from fabula.graphs.magazine.templates import Range

TEXT = (
    "토요일 아침, 초록색 문이\n  하나 보여요. 저는 두 번이나 지나쳤어요. 여기가 느린서가예요.\n\n"
    '주인이 말했어요. "빨리 나가는 길을 만들면 다들 빨리 나가니까요." 저는 그 말을 적어 두었어요.\n'
    "책은 많지 않다고 말할 수는 없어요."
)


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("“저는 지나쳤어요.”", "저는 지나쳤어요."),
        ('"저는 지나쳤어요."', "저는 지나쳤어요."),
        ("「저는  지나쳤어요.」\n", "저는 지나쳤어요."),
        ("저는 “두 번” 지나쳤어요.", "저는 “두 번” 지나쳤어요."),
        ('"하나"와 "둘"', '"하나"와 "둘"'),
        ("", ""),
        ("”", "”"),
    ],
)
def test_marks_around_a_quote_are_taken_off(written: str, bare: str) -> None:
    assert bare_quote(written) == bare


@pytest.mark.parametrize(
    "quote",
    [
        "여기가 느린서가예요.",
        "초록색 문이 하나 보여요.",
        "저는 두 번이나 지나쳤어요. 여기가 느린서가예요.",
        unicodedata.normalize("NFC", "여기가 느린서가예요"),
    ],
)
def test_words_of_the_text_stand_in_it_whatever_its_white_space(quote: str) -> None:
    assert stands_in(quote, TEXT)
    assert stands_in(quote, unicodedata.normalize("NFD", TEXT))


@pytest.mark.parametrize(
    "quote",
    [
        "",
        "여기가 느린서재예요.",
        "저는 두 번이나 지나쳤다.",
        "저는 두 번이나… 여기가 느린서가예요.",
        "두 번이나 지나쳤",
        "느린서가",
        "가 느린서가예요.",
    ],
)
def test_changed_cut_or_joined_words_do_not(quote: str) -> None:
    assert not stands_in(quote, TEXT)


@pytest.mark.parametrize(
    "quote", ["저는 두 번이나 지나쳤어요.", "저는 두 번이나 지나쳤어요. 여기가 느린서가예요"]
)
def test_whole_sentences_are_whole_with_or_without_their_last_stop(quote: str) -> None:
    assert is_whole(quote, TEXT)


@pytest.mark.parametrize(
    "quote",
    [
        "책은 많지 않다고",
        "두 번이나 지나쳤어요.",
        "빨리 나가는 길을 만들면 다들 빨리 나가니까요.",
    ],
)
def test_a_part_of_a_sentence_and_what_another_says_are_not(quote: str) -> None:
    assert stands_in(quote, TEXT)
    assert not is_whole(quote, TEXT)


def test_what_can_be_pulled_out_is_whole_plain_and_of_the_wanted_length() -> None:
    found = quotable(TEXT, Range(10, 40))
    assert found == (
        "토요일 아침, 초록색 문이 하나 보여요.",
        "저는 두 번이나 지나쳤어요.",
        "여기가 느린서가예요.",
        "저는 그 말을 적어 두었어요.",
        "책은 많지 않다고 말할 수는 없어요.",
    )
    assert all(is_whole(one, TEXT) and stands_in(one, TEXT) for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "🎈🎈🎈🎈🎈🎈🎈🎈🎈🎈🎈🎈",
        "봄.",
        "**굵게** 쓴 문장입니다.",
        "www.example.com 에서 봤습니다.",
    ],
)
def test_nothing_odd_can_be_pulled_out(text: str) -> None:
    assert quotable(text, Range(3, 90)) in ((), ("봄.",))[:1]
