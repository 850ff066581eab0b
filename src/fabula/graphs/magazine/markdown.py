"""A Markdown file with front matter as plain data: its keys and its text without marks."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from fabula.errors import BadInput, MissingExtra
from fabula.settings import parse_yaml

_FENCED = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


class FrontMatter(NamedTuple):
    """The keys above a Markdown text, and the text below them as plain paragraphs."""

    keys: dict[str, Any]
    text: str


def read_markdown(source: str, *, name: str) -> FrontMatter:
    """Split and read a Markdown file; BadInput says what is wrong with the one called `name`."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    found = _FENCED.match(source)
    if not found:
        raise BadInput(
            name,
            "has no front matter: it starts with a block between two `---` lines",
            "앞머리(front matter)가 없습니다. `---` 줄 두 개 사이에 id·title을 적으세요",
        )
    keys = parse_yaml(found[1], name=name)
    if not isinstance(keys, dict):
        raise BadInput(name, "its front matter is no mapping", "앞머리가 `이름: 값` 꼴이 아닙니다")
    return FrontMatter(
        {str(key): value for key, value in keys.items()}, plain(source[found.end() :])
    )


def plain(markdown: str) -> str:
    """Return the text of a Markdown document: a blank line between blocks, HTML left out."""
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise MissingExtra("sources", "magazine") from None

    blocks: list[str] = []
    for token in MarkdownIt("commonmark").parse(markdown):
        if token.type == "inline":
            blocks.append("".join(_visible(child) for child in token.children or ()).strip())
        elif token.type in ("fence", "code_block"):
            blocks.append(token.content.strip())
    return "\n\n".join(block for block in blocks if block)


def _visible(token: Any) -> str:
    if token.type in ("text", "code_inline"):
        return str(token.content)
    return " " if token.type in ("softbreak", "hardbreak") else ""
