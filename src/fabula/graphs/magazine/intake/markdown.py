"""Markdown of any blog, with the HTML in it, as plain text."""

from __future__ import annotations

import re

from fabula.errors import MissingExtra
from fabula.graphs.magazine.intake.encoding import Unreadable
from fabula.graphs.magazine.intake.html import MOST, Page, read_html

# What blog engines and note books put into Markdown that is no Markdown.
_SHORTCODE = re.compile(r"\{\{[<%].{0,500}?[%>]\}\}|\{%.{0,500}?%\}|\{\{[^{}\n]{0,200}\}\}")
_EMBED = re.compile(r"!\[\[([^\[\]|\n]{1,200})(?:\|[^\[\]\n]{0,100})?\]\]")
_WIKI = re.compile(r"\[\[(?:[^\[\]|\n]{1,200}\|)?([^\[\]|\n]{1,200})\]\]")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,40}\]:?")
_MODULE = re.compile(r"^(?:import|export)\s[^\n]*[;'\"]\s*$", re.MULTILINE)
_CALLOUT = re.compile(r"^(>\s*)\[![\w-]{1,30}\][+-]?", re.MULTILINE)
_TASK = re.compile(r"^(\s*[-*+]\s+)\[[ xX]\]\s", re.MULTILINE)
_ASIDE = re.compile(r"%%.{1,4000}?%%|[ \t]\^[a-z][a-z0-9-]{3,40}[ \t]*$", re.DOTALL | re.MULTILINE)
"""What a note's writer wrote for nobody else, and the names of its blocks."""
_MARKED = re.compile(r"(?<![\w=])==(?=\S)([^=\n]{1,300})(?<=\S)==(?![A-Za-z0-9=])")
_CONTENTS = re.compile(
    r"^\s*(?:\[\[?_?TOC_?\]?\]|\{:[^{}\n]*\}|:::[^\n]*)\s*$", re.MULTILINE | re.I
)


def read_markdown(source: str, *, name: str = "") -> Page:
    """Read a Markdown text, its front matter taken off; Unreadable where it is too large or deep.

    `name` ending in `mdx` drops the lines that load modules.
    """
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise MissingExtra("sources", "magazine") from None

    if len(source) > MOST:
        raise Unreadable(f"글이 {MOST // 1_000_000}백만 자를 넘습니다")
    if name.endswith(".mdx"):
        source = _MODULE.sub("", source)
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    try:
        html = str(parser.render(_without_dialects(source)))
    except RecursionError:
        raise Unreadable("마크다운이 너무 깊이 겹쳐 있습니다") from None
    return read_html(html, whole=True)


def plain(markdown: str) -> str:
    """Return the text of a Markdown document: a blank line between blocks, no marks."""
    return read_markdown(markdown).text


def _without_dialects(source: str) -> str:
    source = _MARKED.sub(r"\1", _ASIDE.sub("", source))
    source = _EMBED.sub(lambda found: f"![](<{found[1]}>)", source)
    source = _WIKI.sub(r"\1", _SHORTCODE.sub("", _CONTENTS.sub("", source)))
    source = _FOOTNOTE.sub("", source)
    return _TASK.sub(r"\1", _CALLOUT.sub(r"\1", source))
