"""What a limiter asks of whoever keeps the count: turns for the calls that wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Head(NamedTuple):
    """A project's first waiting calls for a model, by the tokens that each may use."""

    project: str
    tokens: tuple[int, ...]


class Grants(NamedTuple):
    """For each head how many of its calls may go out now.

    `wait_s` is how long until asking again may bring more; `at` is the time by the clock that the
    count is kept with; `local` says that a safe share of this process stands in for the count.
    """

    counts: tuple[int, ...]
    wait_s: float
    at: float
    local: bool = False


class Ticket(NamedTuple):
    """A granted call, as its outcome is told: `at` and `local` are those of its grant."""

    model: str
    project: str
    tokens: int
    at: float
    local: bool


class Outcome(NamedTuple):
    """What became of a granted call.

    `tokens` were used; `sent` is False for a request that never went out; `throttled` is True
    for one that was answered 429, with the provider's wish to be left alone for a time.
    """

    tokens: int = 0
    sent: bool = True
    throttled: bool = False
    retry_after_s: float | None = None


UNSENT = Outcome(sent=False)


class Desk(Protocol):
    """Keeps the count of the models with limits."""

    async def grant(self, model: str, heads: Sequence[Head]) -> Grants:
        """Give turns, fairly between projects; never more than the limits let through."""
        ...

    async def settle(self, ticket: Ticket, outcome: Outcome) -> None:
        """Correct the count by what a call really did."""
        ...

    async def close(self) -> None:
        """Let go of what it holds open."""
        ...
