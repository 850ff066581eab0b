"""What a written section must be: length, words, citations, speech register, no leftovers.

Each rule answers in Korean what is wrong and what is wanted: the writer reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from fabula.documents.magazine import BodyType, Post, SectionPlan, SectionType, WrittenSection
from fabula.graphs.magazine.copying import longest_copy
from fabula.graphs.magazine.quoting import is_whole, stands_in
from fabula.graphs.magazine.templates import HOUSE_RULES, Range, SectionRules, TemplateSpec
from fabula.korean.banned import find_banned
from fabula.korean.endings import Register
from fabula.korean.length import count_characters
from fabula.korean.particles import attach
from fabula.korean.register import violations
from fabula.korean.sentences import split_sentences

BODY: tuple[SectionType, ...] = get_args(BodyType)
_ALIAS = re.compile(r"(?<![A-Za-z0-9])p\d{1,4}(?![A-Za-z0-9])")
_LEVELS: Mapping[str, Register] = {
    "합니다체": "hamnida",
    "해요체": "haeyo",
    "해라체": "harache",
    "반말": "banmal",
    "하오체": "hao",
}
_SHOWN = 2
"""How many examples of one fault a reason quotes."""


def faults(
    section: WrittenSection,
    plan: SectionPlan,
    *,
    spec: TemplateSpec,
    posts: Sequence[Post],
    aliases: Mapping[str, str],
    must_cite: Sequence[str],
) -> list[str]:
    """Return every rule that the section breaks; `posts` are those of its plan."""
    rules = spec.rules[section.type]
    return [
        *broken(section, posts),
        *_lengths(section, spec),
        *_quote(section, rules, posts),
        *_captions(section, rules, posts),
        *_citations(section, plan, aliases=aliases, must_cite=must_cite),
        *_words(section, spec, aliases),
        *_register(section, spec),
        *_repeats(section, posts),
    ]


def broken(section: WrittenSection, posts: Sequence[Post]) -> list[str]:
    """Return why a section must not be published, whatever else holds.

    It is empty, or it puts words into somebody's mouth.
    """
    if not any(paragraph.text.strip() for paragraph in section.paragraphs):
        return ["본문이 비어 있습니다."]
    if section.type != "quote_pull":
        return []
    if section.quote is None or not section.quote.text:
        return ["인용한 말이 없습니다."]
    source = next((post for post in posts if post.id == section.quote.post_id), None)
    if source is None or not stands_in(section.quote.text, source.text):
        # Not said again here: the reason stands on the page where the section is missing.
        return ["글에 없는 말을 따왔습니다. 적힌 문장을 한 글자도 바꾸지 말고 그대로 옮기세요."]
    return []


def _quote(section: WrittenSection, rules: SectionRules, posts: Sequence[Post]) -> Iterator[str]:
    if section.quote is None or rules.quote is None:
        return
    quote = section.quote
    yield from _within("인용한 말은", count_characters(quote.text, spaces=True), rules.quote, "자")
    source = next((post for post in posts if post.id == quote.post_id), None)
    if source and stands_in(quote.text, source.text) and not is_whole(quote.text, source.text):
        yield "문장의 일부만 잘라 인용하지 말고 온전한 문장을 옮기세요."


def _captions(section: WrittenSection, rules: SectionRules, posts: Sequence[Post]) -> Iterator[str]:
    if section.type != "mood_board" or rules.caption is None:
        return
    pictured = {post.id for post in posts if post.picture}
    cited = [id_ for paragraph in section.paragraphs for id_ in paragraph.post_ids]
    for number, paragraph in enumerate(section.paragraphs, start=1):
        length = count_characters(paragraph.text, spaces=True)
        yield from _within(f"{number}번째 사진 글은", length, rules.caption, "자")
    if len(set(cited)) < len(section.paragraphs):
        yield "사진마다 다른 글에 하나씩만 붙이세요."
    if any(id_ not in pictured for id_ in cited):
        yield "사진이 없는 글에는 사진 글을 붙일 수 없습니다."


def _lengths(section: WrittenSection, spec: TemplateSpec) -> Iterator[str]:
    rules = spec.rules[section.type]
    texts = [paragraph.text for paragraph in section.paragraphs]
    if any(not text.strip() for text in texts):
        yield "빈 문단이 있습니다."
    yield from _within(
        "제목은", count_characters(section.heading, spaces=True), rules.heading, "자"
    )
    characters = sum(count_characters(text, spaces=True) for text in texts)
    yield from _within("본문은", characters, rules.characters, "자")
    yield from _within("문단은", len(texts), rules.paragraphs, "개")
    sentences = sum(len(split_sentences(text)) for text in texts)
    yield from _within("문장은", sentences, rules.sentences, "개")


def _within(what: str, got: int, wanted: Range, unit: str) -> Iterator[str]:
    if got not in wanted:
        yield f"{what} {got}{unit}인데 {wanted.least}~{wanted.most}{unit}여야 합니다."


def _citations(
    section: WrittenSection,
    plan: SectionPlan,
    *,
    aliases: Mapping[str, str],
    must_cite: Sequence[str],
) -> Iterator[str]:
    alias_of = {id_: alias for alias, id_ in aliases.items()}
    cited = [id_ for paragraph in section.paragraphs for id_ in paragraph.post_ids]
    if strange := [id_ for id_ in dict.fromkeys(cited) if id_ not in plan.post_ids]:
        yield f"이 섹션의 계획에 없는 글을 인용했습니다: {', '.join(strange)}."
    if section.type in BODY and not cited:
        yield "근거로 삼은 글을 적어도 하나는 인용해야 합니다."
    if missing := [alias_of.get(id_, id_) for id_ in must_cite if id_ not in cited]:
        yield f"꼭 다룰 글을 인용하지 않았습니다: {', '.join(missing)}."


def _words(
    section: WrittenSection, spec: TemplateSpec, aliases: Mapping[str, str]
) -> Iterator[str]:
    own = "\n".join((section.heading, *(one.text for one in section.paragraphs)))
    # A quote is somebody else's choice of words; what betrays the workshop it may not carry in.
    whole = f"{own}\n{section.quote.text}" if section.quote else own
    if banned := find_banned(own, spec.banned_words):
        yield f"쓰지 않는 말이 있습니다: {', '.join(dict.fromkeys(banned))}."
    if raw := [alias for alias in dict.fromkeys(_ALIAS.findall(whole)) if alias in aliases]:
        yield f"본문에 글의 번호를 적지 마세요: {', '.join(raw)}."
    for rule in HOUSE_RULES.leftovers:
        if re.search(rule.pattern, whole, re.MULTILINE | re.IGNORECASE):
            yield f"{rule.says}."


def _register(section: WrittenSection, spec: TemplateSpec) -> Iterator[str]:
    wanted = _LEVELS[spec.register]
    found = [one for paragraph in section.paragraphs for one in violations(paragraph.text, wanted)]
    if found:
        names = {level: name for name, level in _LEVELS.items()}
        shown = ", ".join(f"“{one.sentence[-40:]}”({names[one.found]})" for one in found[:_SHOWN])
        yield (
            f"{attach(spec.register, '으로')} 써야 하는데 다른 말투가 {len(found)}문장 있습니다: "
            f"{shown}."
        )


def _repeats(section: WrittenSection, posts: Sequence[Post]) -> Iterator[str]:
    texts = [" ".join(paragraph.text.split()) for paragraph in section.paragraphs]
    if len(set(texts)) < len(texts):
        yield "같은 문단이 두 번 있습니다."
    most = HOUSE_RULES.longest_copy
    for text in texts:
        copied = max((longest_copy(text, post.text, most) for post in posts), default="", key=len)
        if len(copied) > most:
            yield (
                f"자료를 {len(copied)}자 그대로 옮겼습니다(최대 {most}자): “{copied[:30]}…”. "
                "자기 문장으로 다시 쓰세요."
            )
