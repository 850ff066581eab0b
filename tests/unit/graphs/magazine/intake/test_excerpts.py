from __future__ import annotations

import pytest

from fabula.graphs.magazine.intake.excerpts import (
    GAP,
    LONG,
    STRETCH,
    STRETCHES,
    cut,
    excerpts_of,
    stretches,
)

KOREAN = "\n\n".join(
    " ".join(f"{n}번째 문단의 {m}번째 문장은 이만큼 깁니다." for m in range(9)) for n in range(230)
)
TEXTS = {
    "korean": KOREAN,
    "one line": KOREAN.replace("\n\n", " "),
    "english": "It rained all day. We stayed in and read. " * 1_000,
    "no end": "가" * 40_000,
    "emoji": "👩🏽‍🌾👨‍👩‍👧‍👦❤️" * 5_000,
    "blank lines": ("글.\n\n\n\n" * 9_000).strip(),
    "just too long": "글. " * (LONG // 3 + 1),
}


def test_a_post_that_is_short_enough_stays_whole() -> None:
    assert excerpts_of("가" * LONG) == ()
    assert cut("글", ()) == "글"
    assert stretches("글", ()) == []


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_each_stretch_stands_where_it_says(text: str) -> None:
    excerpts = excerpts_of(text)
    assert len(excerpts) == STRETCHES
    assert excerpts[0].start == 0
    assert excerpts[-1].end == len(text)
    ends = [place for one in excerpts for place in (one.start, one.end)]
    assert ends == sorted(ends)
    assert all(0 < one.end - one.start <= STRETCH + 20 for one in excerpts)
    kept = cut(text, excerpts)
    assert len(kept) <= STRETCHES * (STRETCH + 20) + len(GAP) * (STRETCHES - 1)
    assert stretches(kept, excerpts) == [text[one.start : one.end] for one in excerpts]


def test_stretches_of_prose_are_whole_sentences_from_all_over() -> None:
    assert len(KOREAN) > 40_000
    excerpts = excerpts_of(KOREAN)
    for one in excerpts:
        assert one.start == 0 or KOREAN[one.start - 1].isspace()
        assert KOREAN[one.end - 1] == "."
    starts = [one.start / len(KOREAN) for one in excerpts]
    assert all(abs(start - n / 4) < 0.03 for n, start in enumerate(starts))


def test_no_emoji_is_cut_in_two() -> None:
    text = TEXTS["emoji"]
    for one in excerpts_of(text):
        for place in (one.start, one.end):
            assert text[place : place + 1] not in ("\u200d", "\ufe0f", "🏽")
            assert text[max(0, place - 1) : place] != "\u200d"
