from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabula.korean.analyzer import kiwi_analyzer
from fabula.korean.sentences import split_sentences

NOISE = st.text(alphabet="가다요니습까 어.!?…~ㅋ3aA😊\u200d\n\"'“”‘’「」()[]*,", max_size=80)


@pytest.mark.parametrize(
    "sentences",
    [
        ["안녕하세요.", "반갑습니다!", "어디로 갈까요?"],
        ['그는 "왜? 나는 몰라."라고 물었다.', "그리고 갔다."],
        ["‘느리게 걷기. 멀리 보기.’가 표어다.", "좋은 말이다."],
        ['"좋아요."', "그가 웃었다."],
        ['"좋아요." 라고 그가 답했다.', "정말이었다."],
        ["“안녕.”", "그리고 떠났다."],
        ["가격은 3.5달러예요.", "1.5배 올랐죠."],
        ["2024. 5. 1. 서울에서 만났다.", "비가 왔다."],
        ["Mr. Kim came at 5 p.m. on Sunday.", "He left."],
        ["J. K. Rowling wrote it.", "I read it."],
        ["e.g. 이런 것이다.", "No. 3 카페가 좋다.", "No.", "I did not go."],
        ["글쎄… 나는 몰라.", "그건 아니에요…", "그런데 왜요?"],
        ["좋아요! 😊", "또 올게요~", "꼭이요ㅋㅋ", "네!"],
        ["정말?!", "진짜요??", "네!!"],
        ["**무엇을 파나?**", "빵을 판다."],
        ["(그는 갔다. 나는 남았다.)", "끝났다."],
        ["문을 연다(월요일은 쉰다. 화요일도.) 그래도 간다.", "좋다."],
        ['6.7" 화면이다.', "크다."],
        ["주소는 example.com이다.", "판은 v1.2.3이다."],
        ["1. 첫째 항목이다.", "그렇다."],
    ],
)
def test_sentences_are_found_as_a_reader_would(sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences)) == sentences


def test_a_full_stop_without_a_space_ends_a_korean_sentence() -> None:
    assert split_sentences("문을 열었다.비가 왔다.") == ["문을 열었다.", "비가 왔다."]


def test_a_line_break_ends_a_sentence_and_blank_lines_are_none() -> None:
    assert split_sentences("제목\n\n첫 줄\r\n둘째 줄.\n") == ["제목", "첫 줄", "둘째 줄."]
    assert split_sentences(" \n ") == []


def test_a_quote_that_never_closes_hides_no_sentence() -> None:
    assert split_sentences("“좋다. 그렇다. 끝났다.") == ["“좋다.", "그렇다.", "끝났다."]


@given(st.one_of(st.text(), NOISE))
def test_no_character_is_lost(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert "".join("".join(split_sentences(text)).split()) == "".join(composed.split())


@given(NOISE)
def test_splitting_again_changes_nothing_in_order(text: str) -> None:
    once = split_sentences(text)
    assert all(sentence == sentence.strip() != "" for sentence in once)
    assert split_sentences("\n".join(once)) == [
        part for sentence in once for part in split_sentences(sentence)
    ]


@given(NOISE)
def test_decomposed_text_is_cut_at_the_same_places(text: str) -> None:
    apart = unicodedata.normalize("NFD", text)
    assert split_sentences(apart) == split_sentences(text)


@pytest.mark.parametrize(
    "piece", ["(", '"가', "'a", "요~ ", "다. ", '"가." ', "가.", "“‘", "…", "1. "]
)
def test_long_odd_text_takes_linear_time(piece: str) -> None:
    started = time.perf_counter()
    split_sentences(piece * 5_000)
    assert time.perf_counter() - started < 5


def test_kiwi_also_finds_sentences_without_a_mark() -> None:
    pytest.importorskip("kiwipiepy", reason="needs the extra `ko`")
    kiwi = kiwi_analyzer()
    text = "커피가 정말 맛있어요 다음에 또 올게요 그는 “그래요. 꼭 오세요.”라고 하네요."
    assert split_sentences(text, analyzer=kiwi) == [
        "커피가 정말 맛있어요",
        "다음에 또 올게요",
        "그는 “그래요. 꼭 오세요.”라고 하네요.",
    ]
    assert len(split_sentences(text)) == 1
