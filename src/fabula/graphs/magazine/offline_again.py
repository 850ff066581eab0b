"""Plan over what is written already: the offline planner takes up each section that still holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from fabula.graphs.magazine.offline_material import Source, Task

_WRITTEN = re.compile(r'<written id="[^"]+" type="([^"]+)" posts="([^"]*)" holds="yes">')

Group = tuple[str, list[Source]]
"""A section's type and its posts."""


class TakenUp(NamedTuple):
    """Written sections that hold: the ends' posts, None where an end does not, and the body."""

    intro: list[Source] | None
    body: list[Group]
    closing: list[Source] | None


def taken_up(task: Task, posts: Sequence[Source], allowed: Sequence[str]) -> TakenUp:
    """Read from the prompt which sections a plan may take up as they are."""
    by_alias = {source.alias: source for source in posts}
    found = [
        (type_, [by_alias[alias] for alias in aliases.split() if alias in by_alias])
        for type_, aliases in _WRITTEN.findall(task.user)
    ]
    ends = dict(reversed([one for one in found if one[0] in ("intro", "closing")]))
    return TakenUp(
        intro=ends.get("intro"),
        body=[one for one in found if one[0] in allowed and one[1]],
        closing=ends.get("closing"),
    )
