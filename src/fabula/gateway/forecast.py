"""What a run is expected to ask, before anything is paid."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Assumption:
    """What a forecast takes for granted because it did not look; the run may differ from it."""

    code: str
    ko: str
    en: str


@dataclass(frozen=True)
class ExpectedCall:
    """One item that a run may ask an agent about.

    `input_tokens` guesses the first prompt from above, `input_most` the longest it can be;
    `output_tokens` guesses the answer (None: nothing is known of its length). `times` is how
    often it is expected: 1 for sure, a part of 1 for one of several agents that may be asked, 0
    for an item that may only come. Calls of one item stand for one another: the upper bound
    takes the dearest. `carries` are the items whose whole answers stand in the prompt, `assumes`
    is what the numbers rest on where they were not counted.
    """

    agent: str
    item: str
    input_tokens: int
    input_most: int
    output_tokens: int | None = None
    times: float = 1.0
    carries: tuple[str, ...] = ()
    assumes: Assumption | None = None
