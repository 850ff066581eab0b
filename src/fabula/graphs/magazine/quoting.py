"""Quotes: whole sentences of a post, word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from fabula.graphs.magazine.templates import HOUSE_RULES, Range
from fabula.korean.hangul import nfc
from fabula.korean.sentences import split_sentences

_MARKS = "“”\"‘’'「」『』«»"
_END = ".!?…。！？"


def bare_quote(text: str) -> str:
    """Return a quote without the marks that a writer put around it, white space as one space."""
    text = " ".join(nfc(text).split())
    for opening, closing in zip("“\"‘'「『«", "”\"’'」』»", strict=True):
        inner = text[1:-1]
        if len(text) > 1 and text[0] == opening and text[-1] == closing and closing not in inner:
            return inner.strip()
    return text


def stands_in(quote: str, text: str) -> bool:
    """Say whether the quote stands in the text word for word; white space counts as one space."""
    return any(_found(quote, _plain(text)))


def is_whole(quote: str, text: str) -> bool:
    """Say whether the quote, as it stands in the text, is made of whole sentences.

    A part of a sentence can say the opposite of the whole, and what somebody else says inside a
    sentence is not the author's.
    """
    sentences = _sentences(text)
    said = quote.rstrip(_END)
    for first in range(len(sentences)):
        run = ""
        for sentence in sentences[first:]:
            run = f"{run} {sentence}".strip()
            if run.rstrip(_END) == said:
                return True
            if len(run) > len(quote) + 2:
                break
    return False


def quotable(text: str, lengths: Range) -> tuple[str, ...]:
    """Return the text's own sentences that can be pulled out: their length, nothing odd in them."""
    return tuple(one for one in _sentences(text) if len(one) in lengths and _plain_spoken(one))


def _found(quote: str, text: str) -> list[bool]:
    if not quote:
        return []
    edges = re.finditer(rf"(?<!\w){re.escape(quote)}(?!\w)", text)
    return [True for _ in edges]


def _plain(text: str) -> str:
    return " ".join(nfc(text).split())


@lru_cache(maxsize=64)
def _sentences(text: str) -> Sequence[str]:
    # A line may be broken anywhere in a sentence; a blank line ends one.
    blocks = (" ".join(block.split()) for block in re.split(r"\n\s*\n", nfc(text)))
    return tuple(one for block in blocks for one in split_sentences(block))


def _plain_spoken(sentence: str) -> bool:
    letters = sum(character.isalpha() for character in sentence)
    if (
        sentence[-1] not in _END
        or letters * 2 <= len(sentence)
        or any(mark in sentence for mark in _MARKS)
    ):
        return False
    flags = re.MULTILINE | re.IGNORECASE
    return not any(re.search(rule.pattern, sentence, flags) for rule in HOUSE_RULES.leftovers)
