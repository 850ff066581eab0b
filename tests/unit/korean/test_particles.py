from __future__ import annotations

import unicodedata

import pytest

from fabula.errors import BadInput
from fabula.korean.particles import attach


@pytest.mark.parametrize(
    "fitted",
    [
        "책은 바다는", "책이 바다가", "책을 바다를", "책과 바다와", "책으로 바다로 서울로",
        "책이라 바다라", "책이에요 바다예요", "책이다 바다다", "민준아 지수야", "책이나 바다나",
    ],
)  # fmt: skip
def test_each_pair_follows_the_final_consonant(fitted: str) -> None:
    particles = [word[1:] if word[0] == "책" else word[2:] for word in fitted.split()]
    nouns = [word.removesuffix(end) for word, end in zip(fitted.split(), particles, strict=True)]
    for given_form in (*particles[:2], "/".join(particles[:2])):
        # 야 alone would be the vocative, and is: 이야/야 is written as a pair.
        assert [attach(noun, given_form) for noun in nouns] == fitted.split()


@pytest.mark.parametrize(
    "fitted",
    [
        "10|이", "100|을", "2000|을", "10000|으로", "500,000|은",
        "1000000000000|는", "7|로", "8|을",
        "3.5|가",
        "3.50|이", "010|은", "1|로", "2|로", "6|으로", "0|은",
        "LG|는", "KBS|가", "URL|로", "PDF|를", "SNS|와", "FM|은", "MVP|를",
        "Apple|은", "Netflix|를", "iPhone|을", "Google|로", "Slack|을", "Nike|를", "internet|은",
        "blog|는", "team|을", "style|은", "web|은", "map|을", "book|과",
        "5kg|은", "30%|는", "100m|를", "20℃|로", "3L|와",
    ],
)  # fmt: skip
def test_digits_and_latin_letters_are_read_aloud(fitted: str) -> None:
    noun, particle = fitted.split("|")
    assert attach(noun, particle) == noun + particle
    other = {"은": "는", "는": "은", "이": "가", "가": "이", "을": "를", "를": "을"}.get(particle)
    if other:
        assert attach(noun, other) == noun + particle


@pytest.mark.parametrize(
    "fitted",
    ["『모래』|는", "'서울'|은", "“책”|은", "한강(漢江)|은", "BTS(방탄소년단)|는", "(서울)|은"],
)
def test_closing_marks_are_passed_over_and_brackets_are_not_read(fitted: str) -> None:
    noun, particle = fitted.split("|")
    assert attach(noun, "은/는") == noun + particle


def test_decomposed_nouns_read_the_same() -> None:
    noun = unicodedata.normalize("NFD", "책")
    assert attach(noun, "은/는") == noun + "은"


def test_both_forms_stand_where_the_sound_is_unknown() -> None:
    assert attach("漢江", "은/는") == "漢江은(는)"
    assert attach("🍊", "을") == "🍊을(를)"


@pytest.mark.parametrize(
    ("noun", "particle"), [("책", "마저"), ("책", ""), ("", "은"), ("  ", "은")]
)
def test_bad_input_names_the_field(noun: str, particle: str) -> None:
    with pytest.raises(BadInput) as caught:
        attach(noun, particle)
    assert caught.value.field == ("noun" if particle == "은" else "particle")
    assert caught.value.ko != caught.value.en


def test_a_word_in_backticks_is_read_without_them() -> None:
    names = ("`magazine`", "`LG`", "`20261121-2cfb37c171`", "`봄.md`")
    assert [attach(name, "은") for name in names] == [
        "`magazine`은", "`LG`는", "`20261121-2cfb37c171`은", "`봄.md`는",
    ]  # fmt: skip
    assert attach("``", "는") == "``은(는)"
