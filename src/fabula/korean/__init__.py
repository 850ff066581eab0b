"""Korean text: speech level, sentences, length, particles and banned words.

The plain rules need no dependency and answer the same on every machine; an analyser is used
only where it is handed in.
"""

from fabula.korean.analyzer import Analyzer, Morpheme, kiwi_analyzer
from fabula.korean.banned import find_banned
from fabula.korean.endings import Register
from fabula.korean.length import count_characters, graphemes
from fabula.korean.particles import attach
from fabula.korean.register import Violation, classify, violations
from fabula.korean.sentences import split_sentences

__all__ = [
    "Analyzer",
    "Morpheme",
    "Register",
    "Violation",
    "attach",
    "classify",
    "count_characters",
    "find_banned",
    "graphemes",
    "kiwi_analyzer",
    "split_sentences",
    "violations",
]
