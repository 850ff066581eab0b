"""Find the longest stretch that a text copies from a source word for word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations


def longest_copy(text: str, source: str, most: int) -> str:
    """Return the longest run of characters that `text` shares with `source`.

    A run of more than `most` characters is found; shorter ones may be missed. White space counts
    as one space each.
    """
    text, source = " ".join(text.split()), " ".join(source.split())
    # A shared run longer than `most` holds at least one whole block of half that length that
    # starts at a multiple of it: only those are looked up.
    block = max(1, most // 2)
    longest = ""
    for start in range(0, len(text) - block + 1, block):
        at = source.find(text[start : start + block])
        while at != -1:
            left = _shared_left(text, source, start, at)
            right = _shared_right(text, source, start + block, at + block)
            longest = max(longest, text[start - left : start + block + right], key=len)
            # Past the run: a source of one letter repeated must not be walked letter by letter.
            at = source.find(text[start : start + block], at + right + 1)
    return longest


def repeats(texts: Mapping[str, str], most: int) -> Iterator[tuple[str, str, str]]:
    """Yield (later, earlier, what both say) for two named texts that share more than `most`."""
    for (earlier, said), (later, again) in combinations(texts.items(), 2):
        shared = longest_copy(again, said, most).strip()
        if len(shared) > most:
            yield later, earlier, shared


def _shared_left(text: str, source: str, start: int, at: int) -> int:
    left = 0
    while start > left and at > left and text[start - left - 1] == source[at - left - 1]:
        left += 1
    return left


def _shared_right(text: str, source: str, end: int, stop: int) -> int:
    right = 0
    while (
        end + right < len(text)
        and stop + right < len(source)
        and text[end + right] == source[stop + right]
    ):
        right += 1
    return right
