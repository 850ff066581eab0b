"""What each step of a magazine run asked for and used, read from its ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fabula.graphs.magazine.agents import CLASSIFY, COMPOSE, OUTLINE, POLISH, SECTION_WRITERS

STEPS: Mapping[str, tuple[str, ...]] = {
    "compose": (COMPOSE.name,),
    "classify": (CLASSIFY.name,),
    "plan": (OUTLINE.name,),
    "write": tuple(writer.name for writer in SECTION_WRITERS.values()),
    "polish": (POLISH.name,),
}
"""The agents of each step, in the order of the graph."""


@dataclass(frozen=True)
class Step:
    """A step's paid answers; `again` are those beyond the first for an item: asked or written anew.

    Tokens are sums over its calls.
    """

    name: str
    calls: int
    again: int
    input_tokens: int
    output_tokens: int

    @property
    def input_a_call(self) -> int:
        """Input tokens of one call, on average."""
        return round(self.input_tokens / self.calls)


def steps_of(entries: Sequence[Any]) -> tuple[Step, ...]:
    """Sum the answered rows of a ledger by step; a step that was not asked is left out."""
    answered = [row for row in entries if row.state == "answered"]
    found = []
    for name, agents in STEPS.items():
        rows = [row for row in answered if row.agent in agents]
        if rows:
            found.append(
                Step(
                    name=name,
                    calls=len(rows),
                    again=len(rows) - len({row.item for row in rows}),
                    input_tokens=sum(row.input_tokens for row in rows),
                    output_tokens=sum(row.output_tokens for row in rows),
                )
            )
    return tuple(found)
