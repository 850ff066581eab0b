"""Lay a section's sentences: enough of them, each source heard, each paragraph cited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise, zip_longest
from typing import Any, NamedTuple

from fabula.gateway.filler import Noun
from fabula.graphs.magazine.offline_material import Source, Task, clean, short
from fabula.graphs.magazine.offline_voice import Voice
from fabula.korean.length import count_characters
from fabula.korean.voice import reported

FILLED = {"spotlight": 0.35, "curation_card": 0.5}
"""How far into the allowed length a section goes; others a third."""
MAX_ANGLE = 40
LAST = 1000
_KINDS = ("quote", "numbers", "report", "nouns")
_PER_PARAGRAPH = 4


class Piece(NamedTuple):
    """A sentence and the sources that it rests on."""

    text: str
    aliases: tuple[str, ...] = ()
    place: int = 0
    """Where it stands on the page; pieces are chosen in one order and printed in another."""


def write(
    task: Task, sources: Sequence[Source], voice: Voice, paragraphs: Mapping[str, Any]
) -> list[dict[str, object]]:
    """Return paragraphs within the plan's lengths; `paragraphs` is their array's schema."""
    type_ = task.plan.get("type", "spotlight")
    ordered = sorted(sources, key=lambda source: source.alias not in task.must_cite)
    last = [Piece(text) for text in _endings(task, type_, voice)]
    pieces = _chosen(task, _body(type_, ordered, voice), last, voice)
    least, most = task.bounds("paragraphs", otherwise=(1, 3))
    least = max(least, paragraphs.get("minItems", 1))
    most = min(most, paragraphs.get("maxItems", most), len(pieces))
    count = min(max(round(len(pieces) / _PER_PARAGRAPH), least), most)
    return [_paragraph(group) for group in _even(pieces, count)]


def _endings(task: Task, type_: str, voice: Voice) -> list[str]:
    angle = short(task.angle.split(".")[0], MAX_ANGLE).strip(" ‘’'\"“”")
    asked: list[str] = []
    if type_ in ("intro", "closing") and angle and clean(angle, task.banned):
        asked = voice.say("question" if type_ == "intro" else "return", a=Noun(f"‘{angle}’"))[:1]
    return asked + voice.say(f"end.{type_}")[:1]


def _chosen(task: Task, body: Iterator[Piece], last: list[Piece], voice: Voice) -> list[Piece]:
    """Take pieces until the section is long enough, never past what it may be."""
    least, most = task.bounds("length", otherwise=(240, 600))
    fewest, many = task.bounds("sentences", otherwise=(3, 12))
    target = least + FILLED.get(task.plan.get("type", ""), 1 / 3) * (most - least)
    fillers = (Piece(text, place=LAST) for text in voice.say("bridge"))
    told: list[Piece] = []
    for piece in chain(body, fillers):
        whole = _length([*told, *last])
        if (whole >= target and len(told) + len(last) >= fewest) or len(told) + len(last) >= many:
            break
        if whole + 1 + _length([piece]) <= most and piece.text not in [one.text for one in told]:
            told.append(piece)
    while last and _length([*told, *last]) > most:
        last = last[:-1]
    return [*sorted(told, key=lambda piece: piece.place), *last]


def _length(pieces: Sequence[Piece]) -> int:
    return count_characters(" ".join(piece.text for piece in pieces), spaces=True)


def _body(type_: str, sources: Sequence[Source], voice: Voice) -> Iterator[Piece]:
    if not sources:
        return iter(())
    if len(sources) == 1 or type_ != "curation_card":
        told = [_alone(type_, source, voice) for source in sources]
        # Two sources of a spotlight take turns, so that both are heard in a short one.
        return _turns([list(one) for one in told], at_once=4)
    return _together(sources, voice)


def _alone(type_: str, source: Source, voice: Voice) -> Iterator[Piece]:
    """Tell one source: by its title first, then without."""
    cite = (source.alias,)
    yield from (Piece(text, cite) for text in voice.say(_opening(type_), t=source.title)[:1])
    facts = [Piece(text, cite) for text in _facts(source, voice)]
    rest = [[Piece(t, cite) for t in _said(kind, source, voice, "unnamed")] for kind in _KINDS]
    yield from _turns([facts, list(_turns(rest, at_once=1))], at_once=1)


def _opening(type_: str) -> str:
    return "open.spotlight" if type_ == "curation_card" else f"open.{type_}"


def _together(sources: Sequence[Source], voice: Voice) -> Iterator[Piece]:
    """Tell several sources side by side: each by its name first, then more of each."""
    first, second = sources[0], sources[1]
    pair = (first.alias, second.alias)
    opening = voice.say("open.curation_card", t1=first.title, t2=second.title)[:1]
    yield from (Piece(text, pair) for text in opening)
    told = [list(_in_turn(place, source, voice)) for place, source in enumerate(sources)]
    compared: list[Piece] = []
    if first.nouns and second.nouns and first.nouns[0] != second.nouns[0]:
        one, other = first.nouns[0], second.nouns[0]
        said = voice.say("compare", t1=first.title, t2=second.title, k1=one, k2=other)
        compared = [Piece(text, pair, LAST) for text in said[:1]]
    yield from (piece for line in told for piece in line[:1])
    yield from compared
    yield from _turns([line[1:] for line in told], at_once=1)


def _in_turn(place: int, source: Source, voice: Voice) -> Iterator[Piece]:
    """Tell one source among others: named, then a fact, then more of it without its name."""
    kinds = [_KINDS[(place + k) % len(_KINDS)] for k in range(len(_KINDS))]
    named = [text for kind in kinds for text in _said(kind, source, voice, "named", place)[:1]]
    named = named or voice.say("open.spotlight", t=source.title)
    facts = _facts(source, voice)
    more = [text for kind in kinds[1:] for text in _said(kind, source, voice, "unnamed")[:1]]
    texts = [*named[:1], *facts[:1], *more[:1], *facts[1:2], *more[1:]]
    yield from (Piece(text, (source.alias,), place + 1) for text in texts)


def _facts(source: Source, voice: Voice) -> list[str]:
    told = (voice.tell(sentence) for sentence in _lifts(source, voice)[::2])
    return [sentence for sentence in told if sentence]


def _lifts(source: Source, voice: Voice) -> list[str]:
    """Order what can be retold: every other one is told as a fact, the rest as reported speech."""
    return voice.dice.at(source.alias).shuffled(source.lifts)


def _said(kind: str, source: Source, voice: Voice, how: str, shift: int = 0) -> list[str]:
    """Say what the source has of one kind, another shape for each, the `shift`-th one first."""
    path, title = f"{how}.{kind}", source.title
    dice = voice.dice.at(source.alias, kind)
    told: list[dict[str, Any]]
    if kind == "quote":
        told = [{"t": title, "q": Noun(f"“{one}”")} for one in dice.shuffled(source.quotes)]
    elif kind == "report":
        clauses = (reported(sentence) for sentence in _lifts(source, voice)[1::2])
        told = [{"t": title, "c": clause} for clause in clauses if clause]
    elif kind == "numbers":
        told = [_numbers(title, source.numbers[at : at + 3]) for at in range(0, 9, 3)]
    else:
        pairs = zip(source.repeated[0:6:2], source.repeated[1:6:2], strict=False)
        told = [{"t": title, "k1": one, "k2": other} for one, other in pairs]
    return [
        said[number % len(said)]
        for number, values in enumerate((values for values in told if values), shift)
        if (said := voice.say(path, **values))
    ]


def _numbers(title: Noun, numbers: Sequence[Noun]) -> dict[str, Any]:
    if len(numbers) < 2:  # noqa: PLR2004 - the shapes name two
        return {}
    together = Noun(", ".join(numbers))
    return {"t": title, "ns": together, "n1": numbers[0], "n2": numbers[1]}


def _turns(lines: Sequence[list[Piece]], *, at_once: int) -> Iterator[Piece]:
    """Let the lines speak in turn, `at_once` pieces at a time."""
    chunks = [
        [line[start : start + at_once] for start in range(0, len(line), at_once)] for line in lines
    ]
    for together in zip_longest(*chunks, fillvalue=[]):
        yield from chain(*together)


def _even(pieces: Sequence[Piece], count: int) -> list[Sequence[Piece]]:
    count = max(1, count)
    edges = [round(number * len(pieces) / count) for number in range(count + 1)]
    return [pieces[start:end] for start, end in pairwise(edges)]


def _paragraph(pieces: Sequence[Piece]) -> dict[str, object]:
    cited = dict.fromkeys(alias for piece in pieces for alias in piece.aliases)
    return {"text": " ".join(piece.text for piece in pieces), "post_ids": list(cited)}
