"""The magazine's offline recipes: Korean by grammar, from what the sources say themselves.

They make the line run and its gates work with no key. Facts are retold sentences, short quotes,
numbers and repeated words of the sources, each paragraph citing where they stand; nothing here is
prose worth reading, and the page says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fabula.gateway.dice import Dice
from fabula.gateway.filler import Noun
from fabula.gateway.provider import Message, Recipe
from fabula.graphs.magazine.offline_material import (
    Source,
    Task,
    clean,
    offered,
    offline_data,
    short,
    task_of,
)
from fabula.graphs.magazine.offline_voice import Voice, shapes
from fabula.graphs.magazine.offline_writer import write
from fabula.korean.length import count_characters

MAX_TITLE = 60
CARD = 4
"""Posts that a curation card takes at most."""

_BODY_TYPE = re.compile(r"^- (spotlight|curation_card):", re.MULTILINE)
_WANTED = re.compile(r"(\d+)개 안팎이")


def classify(messages: Sequence[Message], schema: Mapping[str, Any], seed: int) -> object:
    """Choose the template whose words the angle shares; the first one where none does."""
    task = task_of(messages)
    ids: Sequence[str] = schema["properties"]["template_id"]["enum"]
    best = max(ids, key=lambda id_: _touch(task.angle, id_, task.templates))
    name = Noun(f"‘{best}’")
    return {"template_id": best, "reason": Voice("합니다체", (), Dice(seed)).line("reason", t=name)}


def _touch(angle: str, id_: str, templates: Mapping[str, str]) -> int:
    others = " ".join(text for other, text in templates.items() if other != id_)
    own = {word[:2] for word in re.findall(r"[가-힣]{2,}", templates.get(id_, ""))}
    shared = sum(1 for stem in own if stem in angle and stem not in others)
    cues: str = offline_data()["cues"].get(id_, "")
    return shared + 2 * sum(1 for cue in cues.split() if cue in angle)


def outline(messages: Sequence[Message], schema: Mapping[str, Any], seed: int) -> object:
    """Plan as many sections as the template wants, posts nearest to the angle first."""
    task, dice = task_of(messages), Dice(seed)
    voice = Voice(task.register, task.banned, dice)
    aliases = offered(schema, task.sources)
    posts = _ranked([source for source in task.sources if source.alias in aliases], task)
    groups = _groups(posts, task, schema)
    words = [noun for source in posts for noun in source.nouns[:1]] or [Noun("이야기")]
    both = {"k1": words[0], "k2": words[1 % len(words)], "count": len(posts)}
    bare = "" if len(set(words)) > 1 else "_bare"
    title = short(re.split(r"[.!?…]", task.angle)[0], MAX_TITLE)
    if not clean(title, task.banned):
        title = voice.phrase(f"outline.title{bare}", **both)
    return {
        "title": title,
        "dek": voice.line(f"outline.dek{bare}", **both),
        "intro": _end("intro", voice, posts[:2]),
        "body": [_planned(type_, group, voice) for type_, group in groups],
        "closing": _end("closing", voice, posts[-1:]),
    }


def _ranked(sources: Sequence[Source], task: Task) -> list[Source]:
    """Put the posts that must appear first, then those that share most letters with the angle."""
    pairs = {task.angle[i : i + 2] for i in range(len(task.angle) - 1)}

    def key(source: Source) -> tuple[bool, int]:
        text = source.raw_title + source.text
        return source.alias not in task.must_cite, -sum(1 for pair in pairs if pair in text)

    return sorted(sources, key=key)


def _groups(
    posts: Sequence[Source], task: Task, schema: Mapping[str, Any]
) -> list[tuple[str, list[Source]]]:
    body = schema["properties"]["body"]
    least, most = body.get("minItems", 1), body.get("maxItems", 6)
    wanted = _WANTED.search(task.system + task.user)
    count = min(max(int(wanted[1]) if wanted else least, least), most)
    allowed = _BODY_TYPE.findall(task.system) or ["curation_card"]
    types = [allowed[number % len(allowed)] for number in range(count)]
    cards = max(1, types.count("curation_card"))
    spare = max(0, len(posts) - (count - cards))
    size = min(CARD, max(1, round(spare / cards)))
    groups: list[tuple[str, list[Source]]] = []
    at = 0
    for type_ in types:
        take = min(size if type_ == "curation_card" else 1, len(posts))
        groups.append((type_, [posts[(at + k) % len(posts)] for k in range(take)]))
        at += take
    return groups


def _planned(type_: str, posts: Sequence[Source], voice: Voice) -> dict[str, object]:
    word = next((source.nouns[0] for source in posts if source.nouns), Noun("이야기"))
    purpose = voice.line(
        f"outline.purpose.{type_}", t=posts[0].title, t1=posts[0].title, k1=word, count=len(posts)
    )
    return {"type": type_, "purpose": purpose, "post_ids": [source.alias for source in posts]}


def _end(type_: str, voice: Voice, posts: Sequence[Source]) -> dict[str, object]:
    purpose = voice.line(f"outline.purpose.{type_}")
    return {"purpose": purpose, "post_ids": [source.alias for source in posts]}


def write_section(messages: Sequence[Message], schema: Mapping[str, Any], seed: int) -> object:
    """Write the section that the prompt's plan asks for, in its register and within its lengths."""
    task = task_of(messages)
    dice = Dice(seed, task.plan.get("id", ""))
    aliases = offered(schema, task.sources)
    sources = [source for source in task.sources if source.alias in aliases]
    voice = Voice(task.register, task.banned, dice)
    return {
        "heading": _heading(task, sources),
        "paragraphs": write(task, sources, voice, schema["properties"]["paragraphs"]),
    }


def _heading(task: Task, sources: Sequence[Source]) -> str:
    least, most = task.bounds("heading", otherwise=(4, 40))
    type_ = task.plan.get("type", "spotlight")
    words = [noun for source in sources for noun in source.nouns[:2]] or [Noun("이야기")]
    values = {"k1": words[0], "k2": words[len(words) // 2 or -1]}
    for shape in shapes(f"headings.{type_}"):
        title = str(sources[0].title).strip("「」") if sources else ""
        heading = str(shape).format(t=title, **values)
        if least <= count_characters(heading, spaces=True) <= most and clean(heading, task.banned):
            return heading
    return str(shapes(f"headings.{type_}")[-1])


RECIPES: Mapping[str, Recipe] = {
    "magazine.classify": classify,
    "magazine.outline": outline,
    "magazine.write_intro": write_section,
    "magazine.write_curation_card": write_section,
    "magazine.write_spotlight": write_section,
    "magazine.write_closing": write_section,
}
"""The offline answer of each of the magazine's agents."""
