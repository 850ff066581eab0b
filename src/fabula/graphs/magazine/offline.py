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
from fabula.graphs.magazine.offline_again import taken_up
from fabula.graphs.magazine.offline_compose import houses_of
from fabula.graphs.magazine.offline_material import (
    Source,
    Task,
    clean,
    offered,
    offline_data,
    short,
    task_of,
)
from fabula.graphs.magazine.offline_polish import polish
from fabula.graphs.magazine.offline_pulled import board, pull
from fabula.graphs.magazine.offline_voice import Voice, shapes
from fabula.graphs.magazine.offline_writer import write
from fabula.graphs.magazine.templates import Range
from fabula.korean.length import count_characters

MAX_TITLE = 60
CARD = 4
"""Posts that a curation card takes at most."""

PULLED = Range(12, 90)
"""How long a sentence is that any template's quote_pull may show."""
BOARD = Range(3, 4)
"""How many posts a mood_board is given."""

_BODY_TYPE = re.compile(r"^- (spotlight|curation_card|quote_pull|mood_board):", re.MULTILINE)
_WANTED = re.compile(r"(\d+)개 안팎이")


def classify(messages: Sequence[Message], schema: Mapping[str, Any], seed: int) -> object:
    """Choose the template whose words the angle shares; the first one where none does."""
    task = task_of(messages)
    ids: Sequence[str] = schema["properties"]["template_id"]["enum"]
    best = nearest(task, ids)
    name = Noun(f"‘{best}’")
    return {"template_id": best, "reason": Voice("합니다체", (), Dice(seed)).line("reason", t=name)}


def nearest(task: Task, ids: Sequence[str]) -> str:
    """Return the template whose words the angle shares; the first one where none does."""
    return max(ids, key=lambda id_: _touch(task.angle, id_, task.templates))


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
    posts = ranked([source for source in task.sources if source.alias in aliases], task)
    wanted = _WANTED.search(task.system + task.user)
    count = counted(schema, int(wanted[1]) if wanted else None)
    allowed = _BODY_TYPE.findall(task.system) or ["curation_card"]
    kept = taken_up(task, posts, allowed)
    groups = kept.body[:count]
    told = {source.alias for _, group in groups for source in group}
    fresh = [source for source in posts if source.alias not in told]
    groups += grouped(fresh or posts, count - len(groups), allowed)
    return {
        **titled(task, posts, voice),
        "intro": _end("intro", voice, posts[:2] if kept.intro is None else kept.intro),
        "body": [_planned(type_, group, voice) for type_, group in groups],
        "closing": _end("closing", voice, posts[-1:] if kept.closing is None else kept.closing),
    }


def titled(task: Task, posts: Sequence[Source], voice: Voice) -> dict[str, str]:
    """Return the article's title, from the angle where it can be printed, and its dek."""
    words = [noun for source in posts for noun in source.nouns[:1]] or [Noun("이야기")]
    both = {"k1": words[0], "k2": words[1 % len(words)], "count": len(posts)}
    bare = "" if len(set(words)) > 1 else "_bare"
    title = short(re.split(r"[.!?…]", task.angle)[0], MAX_TITLE)
    if not clean(title, task.banned):
        title = voice.phrase(f"outline.title{bare}", **both)
    return {"title": title, "dek": voice.line(f"outline.dek{bare}", **both)}


def ranked(sources: Sequence[Source], task: Task) -> list[Source]:
    """Put the posts that must appear first, then those that share most letters with the angle."""
    pairs = {task.angle[i : i + 2] for i in range(len(task.angle) - 1)}

    def key(source: Source) -> tuple[bool, int]:
        text = source.raw_title + source.text
        return source.alias not in task.must_cite, -sum(1 for pair in pairs if pair in text)

    return sorted(sources, key=key)


def counted(schema: Mapping[str, Any], wanted: int | None) -> int:
    """Return how many body sections to make: what is wanted, within what the schema allows."""
    body = schema["properties"]["body"]
    least, most = body.get("minItems", 1), body.get("maxItems", 6)
    return int(min(max(wanted or least, least), most))


def grouped(
    posts: Sequence[Source], count: int, allowed: Sequence[str]
) -> list[tuple[str, list[Source]]]:
    """Share the posts out to `count` sections whose types take turns; fresh posts first."""
    types = [_type(allowed[number % len(allowed)], allowed[0], posts) for number in range(count)]
    cards = types.count("curation_card")
    single = sum(type_ in ("spotlight", "quote_pull") for type_ in types)
    spare = max(0, len(posts) - single - BOARD.least * types.count("mood_board"))
    size = min(CARD, max(1, round(spare / max(1, cards))))
    fresh = list(posts)
    groups: list[tuple[str, list[Source]]] = []
    for number, type_ in enumerate(types):
        take = {"curation_card": size, "mood_board": BOARD.most}.get(type_, 1)
        turned = [*posts[number % len(posts) :], *posts[: number % len(posts)]] if posts else []
        # What is looked at goes on a board from the far end: the nearest posts are told about.
        order = [*(reversed(fresh) if type_ == "mood_board" else fresh), *turned]
        fit = [source for source in dict.fromkeys(order) if _fits(type_, source)]
        if type_ == "mood_board":
            left = [source for source in fit if source in fresh]
            fit = left if len(left) >= BOARD.least else fit[: BOARD.least]
        groups.append((type_, fit[:take]))
        fresh = [source for source in fresh if source not in fit[:take]]
    return groups


def _type(wanted: str, otherwise: str, posts: Sequence[Source]) -> str:
    fitting = sum(_fits(wanted, source) for source in posts)
    enough = BOARD.least if wanted == "mood_board" else 1
    return wanted if fitting >= enough else otherwise


def _fits(type_: str, source: Source) -> bool:
    if type_ == "quote_pull":
        return bool(source.pulled(PULLED))
    return type_ != "mood_board" or source.picture


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
    aliases = offered(schema, task.sources)
    sources = [source for source in task.sources if source.alias in aliases]
    return section(task, sources, schema["properties"], seed)


def section(
    task: Task, sources: Sequence[Source], properties: Mapping[str, Any], seed: int
) -> dict[str, object]:
    """Write one section; `properties` are the schema's of its answer."""
    dice = Dice(seed, task.plan.get("id", ""))
    voice = Voice(task.register, task.banned, dice)
    heading = {"heading": _heading(task, sources)}
    if task.plan.get("type") == "quote_pull":
        return {**heading, **pull(task, sources, voice)}
    if task.plan.get("type") == "mood_board":
        return {**heading, "captions": board(task, sources, voice)}
    return {**heading, "paragraphs": write(task, sources, voice, properties["paragraphs"])}


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


def compose(messages: Sequence[Message], schema: Mapping[str, Any], seed: int) -> object:
    """Choose, plan and write the whole article: what the recipes above do, in one answer."""
    task = task_of(messages)
    house = houses_of(task.user)[nearest(task, schema["properties"]["template_id"]["enum"])]
    task = house.task(task)
    voice = Voice(house.register, house.banned, Dice(seed))
    aliases = offered(schema, task.sources)
    posts = ranked([source for source in task.sources if source.alias in aliases], task)
    groups = grouped(posts, counted(schema, house.wanted), house.body)
    text = schema["$defs"]["SectionDraft"]["properties"]
    parts = [("intro", posts[:2]), *groups, ("closing", posts[-1:])]
    written = [
        {"type": type_, **section(house.task(task, type_, f"s{number}"), sources, text, seed)}
        for number, (type_, sources) in enumerate(parts, start=1)
    ]
    intro, closing = ({**one} for one in (written[0], written[-1]))
    del intro["type"], closing["type"]
    return {
        "template_id": house.id,
        **titled(task, posts, voice),
        "intro": intro,
        "body": written[1:-1],
        "closing": closing,
    }


RECIPES: Mapping[str, Recipe] = {
    "magazine.compose": compose,
    "magazine.classify": classify,
    "magazine.outline": outline,
    "magazine.write_intro": write_section,
    "magazine.write_curation_card": write_section,
    "magazine.write_spotlight": write_section,
    "magazine.write_quote_pull": write_section,
    "magazine.write_mood_board": write_section,
    "magazine.write_closing": write_section,
    "magazine.polish": polish,
}
"""The offline answer of each of the magazine's agents."""
