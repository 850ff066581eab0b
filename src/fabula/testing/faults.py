"""The fault script of the loopback server: which request meets which fault."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast, get_args

from fabula.errors import BadInput
from fabula.korean.particles import attach

Kind = Literal[
    "truncated",
    "malformed",
    "wrong_ids",
    "hang",
    "drop",
    "drop_midway",
    "no_usage",
    "refusal",
    "no_finish",
    "not_json",
    "quota",
    "thinks",
    "safety",
    "blocked",
    "continued",
]
Which = Literal["every", "at", "first", "each"]

_RULE = re.compile(r"(?P<kind>\w+)@(?P<which>every|at|first|each):(?P<number>[1-9]\d*)")
_HTTP_ERRORS = range(400, 600)


class Fault(NamedTuple):
    """One rule: `kind` is a fault's name or an HTTP status.

    `every` n-th request, the one `at` number n, the `first` n of the server, or of `each` question
    the first n times that it comes.
    """

    kind: Kind | int
    which: Which
    number: int

    def meets(self, number: int, repeat: int) -> bool:
        """Say whether it meets the request of this number, its question coming for `repeat`."""
        match self.which:
            case "every":
                return number % self.number == 0
            case "at":
                return number == self.number
            case "first":
                return number <= self.number
            case "each":
                return repeat <= self.number


def parse_fault(text: str) -> Fault:
    """Read `429@every:5`, `hang@at:3`, `truncated@first:2` or `500@each:1`."""
    if found := _RULE.fullmatch(text):
        which, number = cast("Which", found["which"]), int(found["number"])
        if found["kind"].isdigit() and int(found["kind"]) in _HTTP_ERRORS:
            return Fault(int(found["kind"]), which, number)
        if found["kind"] in get_args(Kind):
            return Fault(cast("Kind", found["kind"]), which, number)
    names = ", ".join(get_args(Kind))
    raise BadInput(
        "fault",
        f"got `{text}`, wanted KIND@every:N, KIND@at:N, KIND@first:N or KIND@each:N, where KIND "
        f"is an HTTP error status or one of: {names}",
        f"{attach(f'`{text}`', '는')} 읽을 수 없습니다. "
        "예: 429@every:5, hang@at:3, truncated@first:2",
    )


@dataclass(frozen=True)
class Script:
    """How the server behaves. Request n waits `latencies_ms[n % len]`, or `latency_ms`.

    With `per_s`, what comes faster than so many requests a second, after a `burst`, gets a 429.
    """

    faults: Sequence[Fault] = ()
    latency_ms: float = 0.0
    latencies_ms: Sequence[float] = ()
    retry_after_s: float = 0.05
    per_s: float = 0.0
    burst: float = 1.0

    def fault(self, number: int, repeat: int) -> Kind | int | None:
        """Return the first fault that meets the request."""
        met = (rule.kind for rule in self.faults if rule.meets(number, repeat))
        return next(met, None)

    def latency_s(self, number: int) -> float:
        if self.latencies_ms:
            return self.latencies_ms[(number - 1) % len(self.latencies_ms)] / 1000
        return self.latency_ms / 1000


def read_script(body: Mapping[str, Any]) -> Script:
    """Read a script from JSON: `faults` as texts, and the other fields of `Script`.

    Raises BadInput for a fault, and ValueError for a field, that cannot be read.
    """
    given = dict(body)
    faults = tuple(parse_fault(str(text)) for text in given.pop("faults", ()))
    try:
        return Script(faults=faults, **given)
    except TypeError as error:
        raise ValueError(f"script: {error}") from None
