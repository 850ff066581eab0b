"""The offline model's polish: other words where nothing is said, never a fact."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fabula.gateway.provider import Message
from fabula.graphs.magazine.offline_material import offline_data, task_of

_SECTION = re.compile(r'<section id="([^"]+)"[^>]*>(.*?)</section>', re.DOTALL)
_HEADING = re.compile(r"<heading>(.*?)</heading>", re.DOTALL)
_PARAGRAPH = re.compile(r'<paragraph post_ids="([^"]*)">(.*?)</paragraph>', re.DOTALL)
_KEPT = re.compile(r"(“[^”]*”|‘[^’]*’|「[^」]*」|『[^』]*』|\"[^\"]*\")")


def polish(
    messages: Sequence[Message],
    schema: Mapping[str, Any],  # noqa: ARG001 - a recipe's signature
    seed: int,  # noqa: ARG001
) -> object:
    """Return the sections in which a word was turned into its like."""
    sections = []
    for id_, body in _SECTION.findall(task_of(messages).user):
        given = [(ids.split(), html.unescape(text)) for ids, text in _PARAGRAPH.findall(body)]
        turned = [_turned(text) for _, text in given]
        heading = _HEADING.search(body)
        if heading is None or turned == [text for _, text in given]:
            continue
        sections.append(
            {
                "section_id": id_,
                "heading": html.unescape(heading[1]),
                "paragraphs": [
                    {"text": text, "post_ids": ids}
                    for (ids, _), text in zip(given, turned, strict=True)
                ],
            }
        )
    return {"sections": sections}


def _turned(text: str) -> str:
    """Turn the first word that has a like; quotes and titles stay out of it."""
    parts = _KEPT.split(text)
    for word, like in offline_data()["polish"].items():
        for place in range(0, len(parts), 2):
            turned = re.sub(rf"(?<!\w){word}(?!\w)", like, parts[place], count=1)
            if turned != parts[place]:
                return "".join([*parts[:place], turned, *parts[place + 1 :]])
    return text
