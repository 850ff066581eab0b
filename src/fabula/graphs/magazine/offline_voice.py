"""Say a shape in a template's register; what may not be printed is not said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fabula.gateway.dice import Dice
from fabula.graphs.magazine.offline_material import clean, offline_data
from fabula.korean.endings import Register
from fabula.korean.register import violations
from fabula.korean.sentences import split_sentences
from fabula.korean.voice import Level, levels

_REGISTERS: Mapping[str, Register] = {
    "합니다체": "hamnida",
    "해요체": "haeyo",
    "해라체": "harache",
}


def shapes(path: str) -> Sequence[str]:
    """Return the shapes of a dotted path in `templates/magazine_offline.yaml`."""
    found: Any = offline_data()
    for name in path.split("."):
        found = found[name]
    return [found] if isinstance(found, str) else found


@dataclass(frozen=True)
class Voice:
    """A speaker of one register, whose choices depend on its dice alone."""

    register: str
    banned: tuple[str, ...]
    dice: Dice

    def tell(self, sentence: str) -> str | None:
        """Say a sentence of any level in this register; None where no rule is sure how."""
        said = levels(sentence).get(cast("Level", self.register))
        return said if said is not None and self._printable(said) else None

    def say(self, path: str, **values: object) -> list[str]:
        """Say every shape of the path that can be printed, in an order of the dice's own."""
        order = self.dice.at(path).shuffled(shapes(path))
        told = (self.tell(shape.format(**values)) for shape in order)
        return [sentence for sentence in told if sentence]

    def line(self, path: str, **values: object) -> str:
        """Say the first shape that can be printed; a bare bridge where none can."""
        return (self.say(path, **values) or self.say("bridge"))[0]

    def phrase(self, path: str, **values: object) -> str:
        """Fill a shape that is no sentence."""
        return self.dice.at(path).pick(shapes(path)).format(**values)

    def _printable(self, sentence: str) -> bool:
        return (
            clean(sentence, self.banned)
            and len(split_sentences(sentence)) == 1
            and not violations(sentence, _REGISTERS[self.register])
        )
