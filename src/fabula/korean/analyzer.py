"""The morpheme analyser's port, and Kiwi behind it for those who ask for it by name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from threading import Lock
from typing import Any, NamedTuple, Protocol

from fabula.errors import MissingExtra

_LOADING = Lock()


class Morpheme(NamedTuple):
    """One morpheme with its Sejong tag (EF final ending, EC connective, NNG noun …)."""

    form: str
    tag: str
    start: int
    end: int


class Analyzer(Protocol):
    """What the register and the sentence splitter ask of an analyser; both want NFC text."""

    def morphemes(self, text: str) -> list[Morpheme]: ...

    def sentence_ends(self, text: str) -> list[int]:
        """Return the offset after each sentence, in order."""


class KiwiAnalyzer:
    def __init__(self, kiwi: Any) -> None:
        self._kiwi = kiwi

    def morphemes(self, text: str) -> list[Morpheme]:
        return [
            Morpheme(token.form, token.tag, token.start, token.end)
            for token in self._kiwi.tokenize(text)
        ]

    def sentence_ends(self, text: str) -> list[int]:
        return [sentence.end for sentence in self._kiwi.split_into_sents(text)]


def kiwi_analyzer() -> Analyzer:
    """Return the process's one Kiwi; the first call loads it (seconds, some 500 MB).

    Nothing picks it on its own: a text must read the same where Kiwi is absent. The load holds
    the event loop up, so make the first call before a worker says that it is ready.
    """
    with _LOADING:
        return _load()


@cache
def _load() -> KiwiAnalyzer:
    # An extra, and slow to import.
    try:
        kiwipiepy: Any = import_module("kiwipiepy")
    except ImportError as error:
        raise MissingExtra("korean.kiwi_analyzer", "ko") from error
    return KiwiAnalyzer(kiwipiepy.Kiwi())
