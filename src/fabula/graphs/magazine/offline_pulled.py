"""The offline model's quote_pull and mood_board: what sources say word for word, and captions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fabula.gateway.filler import Noun
from fabula.graphs.magazine.offline_material import Source, Task
from fabula.graphs.magazine.offline_voice import Voice
from fabula.graphs.magazine.templates import Range
from fabula.korean.length import count_characters


def pull(task: Task, sources: Sequence[Source], voice: Voice) -> dict[str, object]:
    """Pull a whole sentence out of the first source that has one, and say why it stands there."""
    lengths = Range(*task.bounds("quote", otherwise=(12, 90)))
    pulled = [(source, source.pulled(lengths)) for source in sources]
    source, quotes = next((one for one in pulled if one[1]), pulled[0])
    quote = voice.dice.at("quote").pick(quotes) if quotes else source.text[: lengths.most]
    least, most = task.bounds("length", otherwise=(30, 180))
    told = voice.say("lead", t=source.title)[:1]
    for bridge in voice.say("bridge"):
        longer = " ".join([*told, bridge])
        if _length(" ".join(told)) >= least or _length(longer) > most:
            break
        told.append(bridge)
    return {"quote": quote, "post_id": source.alias, "lead": " ".join(told)}


def board(task: Task, sources: Sequence[Source], voice: Voice) -> list[dict[str, str]]:
    """Caption each source once: a fact of its own where one fits, else that it stands here."""
    _, many = task.bounds("paragraphs", otherwise=(3, 6))
    lengths = Range(*task.bounds("caption", otherwise=(18, 80)))
    _, most = task.bounds("length", otherwise=(60, 400))
    captions: list[dict[str, str]] = []
    for source in sources[:many]:
        used = [one["text"] for one in captions]
        room = most - sum(map(_length, used))
        fitting = (
            text
            for text in _captions(source, voice.dice.at(source.alias).shuffled(source.lifts), voice)
            if _length(text) in lengths and text not in used and _length(text) <= room
        )
        text = next(fitting, None)
        if text is not None:
            captions.append({"text": text, "post_id": source.alias})
    return captions


def _captions(source: Source, lifts: Sequence[str], voice: Voice) -> Iterator[str]:
    yield from (text for text in map(voice.tell, lifts) if text)
    noun = source.nouns[0] if source.nouns else Noun("장면")
    yield from voice.say("caption", t=source.title, k1=noun)


def _length(text: str) -> int:
    return count_characters(text, spaces=True)
