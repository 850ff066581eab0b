"""Choices made by hash: the same seed and place give the same choice on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Dice:
    """Throws that depend on `seed` and `place` alone, never on the order of the throws.

    The standard generators promise no sequence across Python versions; a hash does.
    """

    seed: int
    place: str = ""

    def at(self, *place: object) -> Dice:
        """Return the dice of a place below this one."""
        return Dice(self.seed, "/".join([self.place, *map(str, place)]))

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1; `limit` is at least 1."""
        digest = hashlib.sha256(f"{self.seed}:{self.place}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, of which there is at least one."""
        return options[self.below(len(options))]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """Return the options in an order of their own."""
        numbered = [(self.at(index).below(1 << 62), index) for index in range(len(options))]
        return [options[index] for _, index in sorted(numbered)]
