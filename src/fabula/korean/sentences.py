"""Sentences of Korean and English prose, cut without losing a character."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from fabula.korean.analyzer import Analyzer
from fabula.korean.endings import NEUTRAL, read_ending
from fabula.korean.hangul import is_syllable, nfc
from fabula.korean.quotes import Span, spans

_STOP = re.compile(r"[.!?…。！？‼⁇⁈⁉]+")
# Markdown closes its emphasis behind the full stop too.
_CLOSERS = "\"'”’)]」』》〉）】»*_"
# Laughter, emoji and marks of tone stay with the sentence that they colour.
_TONE = re.compile(
    r"[ \t]*(?:[ㅋㅎㅠㅜ~～♥♡☆★^]+|[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200D]+)"
)
_QUOTING = re.compile(r"[ \t]*(?:이?라(?:고|며|는|던|면서)|하(?:고|며|는|던)|고 )")
_ABBREVIATION = re.compile(
    r"(?:^|[^A-Za-z])(?:mr|mrs|ms|dr|prof|st|vs|e\.g|i\.e|cf|fig|vol|pp?|feat|ft|mt|approx|sr|jr)$",
    re.IGNORECASE,
)
_OPEN_ABBREVIATION = re.compile(
    r"(?:^|[^A-Za-z])(?:etc|inc|ltd|co|corp|u\.s|u\.k|a\.m|p\.m|ph\.d|al)$", re.IGNORECASE
)
_NUMBER = re.compile(r"(?:^|[^A-Za-z])no$", re.IGNORECASE)
_INITIAL = re.compile(r"(?:^|[^A-Za-z])[A-Z]$")
_MARKER = re.compile(r"^\s*(?:\d{1,3}|[A-Za-z]|[가나다라마바사아자차카타파하])$")
_DATE = re.compile(r"\d{4}\s*\.\s*\d{1,2}\s*(?:\.\s*\d{1,2}\s*)?$")
_LOOK_BACK = 24


def split_sentences(text: str, *, analyzer: Analyzer | None = None) -> list[str]:
    """Cut the NFC text into sentences, each stripped of outer white space; all else is kept.

    A line break ends a sentence. Full stops inside a quote or a bracket do not, nor do those of
    decimals, dates, abbreviations and list markers; a closing quote, laughter and emoji stay with
    the sentence before them. An ellipsis ends one only after an explicit ending. An `analyzer`
    also finds sentences that no mark ends (좋아요 또 올게요), and needs no other setting.
    """
    sentences: list[str] = []
    for line in nfc(text).splitlines():
        ends = _analysed_ends(line, analyzer) if analyzer else _ends(line)
        start = 0
        for end in [*ends, len(line)]:
            sentence = line[start:end].strip()
            if sentence:
                sentences.append(sentence)
            start = end
    return sentences


def _analysed_ends(line: str, analyzer: Analyzer) -> list[int]:
    whole = spans(line)
    found = [end for end in analyzer.sentence_ends(line) if not _span_around(whole, end)]
    return sorted({*found, *_ends(line)})


def _ends(line: str) -> list[int]:
    whole = spans(line)
    ends: list[int] = []
    for match in _STOP.finditer(line):
        end = _after_closers(line, match.end())
        if ends and match.start() < ends[-1]:
            continue
        start = ends[-1] if ends else 0
        around = _span_around(whole, match.start())
        if around and not _ends_span(line, around, start, end):
            continue
        if _closes(line, start, match, end):
            ends.append(_after_tone(line, end))
    return sorted({*ends, *_toned_ends(line, whole)})


def _after_closers(line: str, at: int) -> int:
    while at < len(line) and line[at] in _CLOSERS:
        at += 1
    return at


def _after_tone(line: str, at: int) -> int:
    while match := _TONE.match(line, at):
        at = match.end()
    return at


def _span_around(whole: Sequence[Span], at: int) -> Span | None:
    index = bisect_left(whole, at, key=lambda span: span.start) - 1
    return whole[index] if index >= 0 and at < whole[index].end else None


def _ends_span(line: str, span: Span, start: int, end: int) -> bool:
    """Say that the stop is the last thing in its quote, or in a bracket that is the sentence."""
    return span.end <= end and (span.quoted or not line[start : span.start].strip())


def _closes(line: str, start: int, stop: re.Match[str], end: int) -> bool:
    before, after = line[start : stop.start()], line[end:]
    if not after.strip():
        return True
    if _QUOTING.match(after):
        return False
    if not after[0].isspace() and not _TONE.match(after):
        return end == stop.end() and _glued(before, after)
    following = after.lstrip()
    if stop[0] == ".":
        return _full_stop(before, following)
    if "…" in stop[0] or ".." in stop[0]:
        return "!" in stop[0] or "?" in stop[0] or _explicit(before, following)
    return True


def _glued(before: str, after: str) -> bool:
    """Cut 좋아요.다음에 and leave 3.5, v1.2 and example.com alone."""
    return before[-1:] in ("다", "요", "죠", "까") and is_syllable(after[0])


def _full_stop(before: str, following: str) -> bool:
    tail = before[-_LOOK_BACK:]
    if _MARKER.match(before) or _ABBREVIATION.search(tail):
        return False
    if _DATE.search(tail) or (tail[-1:].isdigit() and following[0].isdigit()):
        return False
    latin = "A" <= following[0] <= "Z"
    if _OPEN_ABBREVIATION.search(tail):
        return latin
    if _NUMBER.search(tail) and following[0].isdigit():
        return False
    return not (_INITIAL.search(tail) and latin and tail[-1] != "I")


def _explicit(before: str, following: str) -> bool:
    if "A" <= following[0] <= "Z":
        return True
    words = before.split()
    reading = read_ending(words[-1]) if words else NEUTRAL
    return reading.register in ("hamnida", "haeyo", "harache", "hao")


def _toned_ends(line: str, whole: Sequence[Span]) -> list[int]:
    """End a sentence after laughter, a wave or emoji where a polite ending stands before it."""
    ends: list[int] = []
    for match in re.finditer(r"(?<=[다요죠까])(?=[ \t]*\S)", line):
        end = _after_tone(line, match.start())
        if end > match.start() and end < len(line) and line[end].isspace():
            word = line[max(0, match.start() - _LOOK_BACK) : match.start()].rsplit(maxsplit=1)[-1]
            if not _span_around(whole, match.start()) and read_ending(word) is not NEUTRAL:
                ends.append(end)
    return ends
