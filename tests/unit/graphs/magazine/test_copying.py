from __future__ import annotations

import random
from time import perf_counter

import pytest

from fabula.graphs.magazine.copying import longest_copy, repeats

WORDS = [chr(0xAC00 + n * 7) for n in range(900)]


def prose(seed: int, length: int) -> str:
    return "".join(random.Random(seed).choices(WORDS, k=length))


@pytest.mark.parametrize("at", [0, 1, 59, 60, 61, 133])
def test_finds_a_copied_run_wherever_it_stands(at: int) -> None:
    source, own = prose(1, 3000), prose(2, 400)
    copied = source[1000:1121]
    assert longest_copy(own[:at] + copied + own[at:], source, 120) == copied


def test_white_space_does_not_hide_a_copy() -> None:
    source = "바람이 분다 " * 3 + prose(1, 150)
    assert len(longest_copy(source.replace(" ", "\n  "), source, 120)) == len(source)


def test_unlike_texts_share_nothing() -> None:
    assert longest_copy(prose(1, 800), prose(2, 5000), 120) == ""
    assert longest_copy("", "바다", 120) == ""


def test_one_letter_repeated_is_not_walked_letter_by_letter() -> None:
    started = perf_counter()
    longest_copy("ㅋ" * 110 + "끝", "ㅋ" * 200_000, 120)
    assert perf_counter() - started < 1


def test_what_two_texts_say_alike_is_named_once_by_the_later_one() -> None:
    shared = prose(3, 81)
    texts = {
        "s1": prose(1, 300) + shared,
        "s2": prose(2, 300),
        "s3": prose(4, 100) + shared + prose(5, 100),
        "s4": "",
    }
    assert list(repeats(texts, 80)) == [("s3", "s1", shared)]
    assert list(repeats(texts, 81)) == []
