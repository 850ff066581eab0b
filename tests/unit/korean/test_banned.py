from __future__ import annotations

import unicodedata

import pytest

from fabula.errors import BadInput
from fabula.korean.banned import find_banned


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("대박이에요", "대박"),
        ("이건 '대박'입니다", "대박"),
        ("2024대박", "대박"),
        ("대 박이다", "대박"),
        ("대\u200b박", "대박"),
        ("대\n박!", "대박"),
        ("가성비갑 식당", "가성비 갑"),
        ("가성비  갑", "가성비갑"),
        (unicodedata.normalize("NFD", "대박"), "대박"),
        ("대박", unicodedata.normalize("NFD", "대박")),
        ("BEST템", "best"),
        ("AI로 만든", "AI"),
        ("100% 환불", "100%"),
    ],
)
def test_a_banned_word_is_found_in_any_dress(text: str, word: str) -> None:
    assert find_banned(text, [word]) == [word]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("초대박사님", "대박"),
        ("이 시 발음이 좋다", "시발"),
        ("그대 박수 소리", "대박"),
        ("he said so", "AI"),
        ("bestseller", "best"),
        ("1100% 환불", "100%"),
        ("가성비가 좋다", "가성비 갑"),
    ],
)
def test_no_word_is_found_inside_an_unrelated_one(text: str, word: str) -> None:
    assert find_banned(text, [word]) == []


def test_words_come_back_as_given_once_and_in_their_order() -> None:
    assert find_banned("최고의 대박 Best", ["BEST", "없음", "대박", "BEST", "최고의"]) == [
        "BEST",
        "대박",
        "최고의",
    ]


def test_an_empty_word_is_refused_by_its_place() -> None:
    with pytest.raises(BadInput, match=r"words\[1\]"):
        find_banned("글", ["대박", " "])
