"""Speech level: which one a sentence's ending carries, and where a text leaves the wanted one."""

from __future__ import annotations

import re
from typing import NamedTuple

from fabula.korean.analyzer import Analyzer
from fabula.korean.endings import NEUTRAL, QUOTED, Reading, Register, read_ending
from fabula.korean.hangul import nfc
from fabula.korean.lexicon import AFTERTHOUGHT_TAILS, AFTERTHOUGHTS, INTERJECTIONS
from fabula.korean.morphemes import read_morphemes
from fabula.korean.quotes import blank_out
from fabula.korean.sentences import split_sentences

_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\s]*\)")
_WRAPPED = re.compile(r"^[(（\[【](.*)[)）\]】]$", re.DOTALL)
_EMOTICON = re.compile(
    r"\^[0oㅇ_.\-]*\^|\b[Ttㅜㅠㅡ]_+[Ttㅜㅠㅡ]\b|(?<!\w)[:;=xX][-']?[)(DPp3]+(?=\s|$)"
)
_NOT_A_WORD = re.compile(r"^(?:#|@|https?://|www\.)")
_EDGE = re.compile(rf"^[^\w{QUOTED}]+|(?:[^\w{QUOTED}]|[ㄱ-ㅎㅏ-ㅣ_])+$")
_COMMA = re.compile(r"[,，、;:·]\W*$")
_LOOK_BACK = 3


class Violation(NamedTuple):
    """A sentence whose explicit ending is of another level than the wanted one."""

    sentence: str
    found: Register


def classify(sentence: str, *, analyzer: Analyzer | None = None) -> Register:
    """Say which speech level the sentence's final ending carries.

    Quoted speech and brackets are left out, and so are emoji, laughter and words said after the
    ending (고마워요 정말로). A sentence without an explicit ending is "neutral": headings, noun
    endings (-음, -기), ellipses, answers of one word. Without `analyzer` the plain rule reads the
    last word by itself: the same answer on every machine.
    """
    return _read(sentence, analyzer).register


def violations(text: str, wanted: Register, *, analyzer: Analyzer | None = None) -> list[Violation]:
    """List the sentences with an explicit ending of another level than `wanted`, in order.

    An ending that is at home in both levels is none: 가자, 갈까 and -구나 serve 해라체 and 반말
    alike, and 안녕하세요 opens texts in 합니다체.
    """
    found: list[Violation] = []
    for sentence in split_sentences(text, analyzer=analyzer):
        reading = _read(sentence, analyzer)
        if reading.register not in ("neutral", wanted) and wanted not in reading.accepted:
            found.append(Violation(sentence, reading.register))
    return found


def _read(sentence: str, analyzer: Analyzer | None) -> Reading:
    text = _LINK.sub(r"\1", nfc(sentence).strip())
    told = _EMOTICON.sub(" ", blank_out(text, QUOTED))
    words = _words(told)
    if not words:
        inner = _WRAPPED.match(text)
        return _read(inner[1], analyzer) if inner else NEUTRAL
    if " ".join(words) in INTERJECTIONS:
        return NEUTRAL
    if analyzer:
        found = _read_analysed(told, analyzer)
        if found:
            return found
    return _read_words(words, open_ended=bool(_COMMA.search(told)))


def _read_analysed(text: str, analyzer: Analyzer) -> Reading | None:
    morphemes = analyzer.morphemes(text)
    said_after = [
        (match.start(), match.end())
        for match in re.finditer(r"\S+", text)
        if _is_afterthought(_EDGE.sub("", match[0])) or _NOT_A_WORD.match(match[0])
    ]
    called = morphemes[-1].start if morphemes and morphemes[-1].tag == "JKV" else -1
    return read_morphemes(
        morphemes,
        [
            any(start <= morpheme.start < end for start, end in said_after)
            or morpheme.end == called
            for morpheme in morphemes
        ],
    )


def _words(text: str) -> list[str]:
    stripped = (_EDGE.sub("", word) for word in text.split() if not _NOT_A_WORD.match(word))
    return [word for word in stripped if word]


def _read_words(words: list[str], *, open_ended: bool) -> Reading:
    reading = read_ending(words[-1], words[-2] if len(words) > 1 else "")
    if reading.weak or reading is NEUTRAL:
        said_before = _before_afterthought(words, weak=reading.weak)
        if said_before:
            return said_before
    if reading.weak and len(words) == 1:
        return NEUTRAL
    # A line that ends in a comma goes on: its 반말 ending is a connective (…했어, …하고).
    if open_ended and reading.register == "banmal":
        return NEUTRAL
    return reading


def _before_afterthought(words: list[str], *, weak: bool) -> Reading | None:
    """Read the clear ending before words that were said after it; None where there is none."""
    for back in range(1, min(_LOOK_BACK, len(words) - 1) + 1):
        said_after = words[-back]
        if not (weak and back == 1) and not _is_afterthought(said_after):
            return None
        before = words[-back - 2] if len(words) > back + 1 else ""
        reading = read_ending(words[-back - 1], before)
        if reading is not NEUTRAL and not reading.weak:
            return reading
    return None


def _is_afterthought(word: str) -> bool:
    return word in AFTERTHOUGHTS or word == QUOTED or word.endswith(AFTERTHOUGHT_TAILS)
