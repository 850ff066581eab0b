"""What the offline recipes read: a rendered prompt's blocks, and what a source has to say."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, cast

from fabula.gateway.filler import Noun, nouns_in
from fabula.gateway.provider import Message
from fabula.graphs.magazine.quoting import quotable
from fabula.graphs.magazine.templates import FOLDER, HOUSE_RULES, Range
from fabula.korean.banned import find_banned
from fabula.korean.sentences import split_sentences
from fabula.settings import read_yaml

MAX_TITLE = 40
QUOTE = range(6, 41)
"""Lengths of a quote that is taken over."""
LIFT = range(14, 59)
"""Lengths of a sentence that is retold: far below what counts as copying."""
BARE = Noun("이 글")

_POST = re.compile(
    r'<post id="([^"]+)"( picture="yes")?><title>(.*?)</title><text>(.*?)</text></post>', re.DOTALL
)
_TEMPLATE = re.compile(r'<template id="([^"]+)" name="([^"]*)"[^>]*>(.*?)</template>', re.DOTALL)
_ANGLE = re.compile(r"<angle>(.*?)</angle>", re.DOTALL)
_PLAN = re.compile(r"<plan ([^>]*)>")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_REGISTER = re.compile(r'<(?:plan|template) [^>]*register="(합니다체|해요체|해라체)"')
_BANNED = re.compile(r"쓰지 않는 말: (.*?)\.\s*$", re.MULTILINE)
_MUST = re.compile(r"(?:반드시 다루고 인용하세요: |다만 )((?:p\d+(?:, )?)+)")
_ALIAS = re.compile(r"(?<![A-Za-z0-9])p\d{1,4}(?![A-Za-z0-9])")
_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d"
_BRACKETS = re.compile(rf"[「」『』《》〈〉<>\[\]{{}}#*`|\"“”‘’'{_EMOJI}]+")
_QUOTED = re.compile(r"[“\"]([^“”\"\n]{4,400})[”\"]")
_MARKS = re.compile(rf"[“”\"'‘’「」『』()\[\]{{}}<>?!…*#:;~{_EMOJI}]")
_NUMBER = re.compile(
    r"(?<![\d.,/-])\d{1,3}(?:,\d{3})*(?:\.\d+)?(?:만|천|백)?\s?"
    r"(?:킬로미터|킬로그램|센티미터|밀리미터|그램|미터|퍼센트|시간|그루|포기|마리|자루|그릇|조각|"
    r"원|권|칸|명|개|장|평|석|잔|롤|컷|쪽|채|층|편|곳|도|kg|km|cm|ml|g|m)"
    r"(?![가-힣A-Za-z])"
)
_TRAILING = re.compile(r"(?:고|네|거든|데|니까|까|군|래|대|라고|잖아|지|죠|게)요\.$")
_TOPIC = re.compile(r"[가-힣\d](?:은|는|이|가) ")
_LATIN = re.compile(r"[A-Za-z][A-Za-z'-]{3,}")


def _words(name: str) -> frozenset[str]:
    words: str = offline_data()["words"][name]
    return frozenset(words.split())


@cache
def offline_data() -> Mapping[str, Any]:
    """Return `templates/magazine_offline.yaml`."""
    return cast("Mapping[str, Any]", read_yaml(FOLDER / "magazine_offline.yaml"))


@dataclass(frozen=True)
class Task:
    """One rendered prompt: its angle, sources, plan and what it forbids and demands."""

    system: str
    user: str

    @cached_property
    def angle(self) -> str:
        found = _ANGLE.search(self.user)
        return " ".join(html.unescape(found[1]).split()) if found else ""

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        return tuple(
            Source(alias, html.unescape(title), html.unescape(text), self.banned, bool(picture))
            for alias, picture, title, text in _POST.findall(self.user)
        )

    @cached_property
    def templates(self) -> Mapping[str, str]:
        """Each template's id and its name and description together."""
        found = _TEMPLATE.findall(self.user)
        return {id_: html.unescape(f"{name} {text}") for id_, name, text in found}

    @cached_property
    def plan(self) -> Mapping[str, str]:
        found = _PLAN.search(self.user)
        return dict(_ATTRIBUTE.findall(found[1])) if found else {}

    @cached_property
    def register(self) -> str:
        """The register that the plan or the template asks for."""
        found = _REGISTER.search(self.user)
        return found[1] if found else "합니다체"

    @cached_property
    def banned(self) -> tuple[str, ...]:
        found = _BANNED.search(self.system)
        return tuple(word.strip() for word in found[1].split(",")) if found else ()

    @cached_property
    def must_cite(self) -> tuple[str, ...]:
        found = _MUST.search(self.system)
        return tuple(_ALIAS.findall(found[1])) if found else ()

    def bounds(self, name: str, *, otherwise: tuple[int, int]) -> tuple[int, int]:
        """Read `least-most` from the plan."""
        numbers = [int(one) for one in re.findall(r"\d+", self.plan.get(name, ""))]
        return (numbers[0], numbers[1]) if len(numbers) > 1 else otherwise


@dataclass(frozen=True)
class Source:
    """A post as a prompt shows it, and what of it can be retold."""

    alias: str
    raw_title: str
    text: str
    banned: tuple[str, ...]
    picture: bool = False

    @cached_property
    def title(self) -> Noun:
        """The title in its brackets; `이 글` where it cannot be printed."""
        plain = short(_BRACKETS.sub(" ", self.raw_title), MAX_TITLE)
        return Noun(f"「{plain}」") if plain and clean(plain, self.banned) else BARE

    @cached_property
    def quotes(self) -> tuple[str, ...]:
        """Short sentences that stand in quotes, word for word."""
        spoken = (one for match in _QUOTED.finditer(self.text) for one in split_sentences(match[1]))
        return self._kept(one.removesuffix(".").strip() for one in spoken if _speakable(one))

    def pulled(self, lengths: Range) -> tuple[str, ...]:
        """Whole sentences that a quote_pull may show."""
        return self._kept(one for one in quotable(self.text, lengths) if clean(one, ()))

    @cached_property
    def lifts(self) -> tuple[str, ...]:
        """Sentences that stand by themselves: about something, pointing at nothing before them."""
        return self._kept(one for one in split_sentences(self.text) if _liftable(one))

    @cached_property
    def numbers(self) -> tuple[Noun, ...]:
        found = dict.fromkeys(match[0] for match in _NUMBER.finditer(self.text))
        return tuple(Noun(number) for number in found)

    @cached_property
    def nouns(self) -> tuple[Noun, ...]:
        """The source's words, most frequent first; Latin ones where there is no Korean."""
        found = [Noun(noun) for noun in nouns_in(self.text) if noun not in _words("empty")]
        if len(found) < 2:  # noqa: PLR2004 - a shape needs two
            found += [Noun(word) for word in dict.fromkeys(_LATIN.findall(self.text))]
        kept = [noun for noun in found if clean(noun, self.banned)]
        return tuple(sorted(kept, key=lambda noun: -self.text.count(noun)))

    @cached_property
    def repeated(self) -> tuple[Noun, ...]:
        return tuple(noun for noun in self.nouns if self.text.count(noun) > 1)

    def _kept(self, texts: Iterator[str]) -> tuple[str, ...]:
        return tuple(one for one in dict.fromkeys(texts) if clean(one, self.banned))


def task_of(messages: Sequence[Message]) -> Task:
    """Read the prompt; complaints about an earlier answer come later and hold no material."""
    system = "\n".join(m.content for m in messages if m.role == "system")
    user = next((m.content for m in messages if m.role == "user"), "")
    return Task(system, user)


def offered(schema: Mapping[str, Any], sources: Sequence[Source]) -> tuple[str, ...]:
    """Return the aliases that the schema lets `post_ids` hold, in the order of the prompt."""
    parts = [schema, *schema.get("$defs", {}).values()]
    fields = [part["properties"] for part in parts]
    field: Mapping[str, Any] = next((one["post_ids"] for one in fields if "post_ids" in one), {})
    if field.get("maxItems") == 0:
        return ()
    listed = field.get("items", {}).get("enum")
    return tuple(listed) if listed is not None else tuple(source.alias for source in sources)


@lru_cache(maxsize=4096)
def clean(text: str, banned: tuple[str, ...]) -> bool:
    """Say that the text has nothing that no section may have."""
    if not text.strip() or _ALIAS.search(text) or find_banned(text, banned):
        return False
    flags = re.MULTILINE | re.IGNORECASE
    return not any(re.search(rule.pattern, text, flags) for rule in HOUSE_RULES.leftovers)


def short(text: str, most: int) -> str:
    """Cut a text to one line of at most `most` characters, between words where there are any."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut).rstrip(" ,.") + "…"


def _speakable(sentence: str) -> bool:
    letters = sum(character.isalpha() for character in sentence)
    return len(sentence) in QUOTE and letters * 2 > len(sentence)


def _liftable(sentence: str) -> bool:
    words, pointing = sentence.split(), _words("pointing")
    if len(sentence) not in LIFT or _MARKS.search(sentence) or not sentence.endswith("."):
        return False
    if _TRAILING.search(sentence):
        return False
    if words[0] in _words("linking") or any(word.rstrip(",.") in pointing for word in words):
        return False
    stems = [word[:2] for word in words if len(word) > 1]
    if len(set(stems)) < len(stems):
        return False
    # A word said twice or a second comma is often a heading that ran into its paragraph.
    return len(_TOPIC.findall(sentence)) in (1, 2) and sentence.count(",") <= 1
