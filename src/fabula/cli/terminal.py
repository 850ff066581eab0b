"""Speak to a person and to a script: results, notes and errors, in Korean and English."""

from __future__ import annotations

import json
import re
import sys
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from fabula.errors import FabulaError
    from fabula.settings import Settings

SHORTEST_SECRET = 8
"""Shorter values are placeholders such as `none`: masking them would garble plain words."""
LONGEST_LINE = 78

# Escape sequences in a provider's error or a post's title must not steer the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass
class Terminal:
    """Where one command writes.

    Under `as_json` stdout carries one JSON value and everything else goes to stderr.
    """

    as_json: bool = False
    verbose: bool = False
    _hidden: list[str] = field(default_factory=list)

    def hide(self, settings: Settings) -> None:
        """Mask these settings' secrets in all that is written from now on."""
        from pydantic import SecretStr

        values = (getattr(settings, name) for name in type(settings).model_fields)
        secrets = (one.get_secret_value() for one in values if isinstance(one, SecretStr))
        self._hidden = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]

    def clean(self, text: str) -> str:
        """Take secrets and control characters out of a text."""
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return _CONTROL.sub("", text)

    def console(self, *, stderr: bool = False) -> Console:
        """Return a console on today's stdout, or on stderr."""
        from rich.console import Console

        return Console(stderr=stderr or self.as_json, markup=False, highlight=False, emoji=False)

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """Write a line of the result."""
        self.console().print(self.clean(text), style=style, soft_wrap=True)

    def note(self, ko: str, en: str, *, style: str | None = None) -> None:
        """Write a remark to stderr, on one line where both languages fit."""
        self.console(stderr=True).print(self.clean(both(ko, en)), style=style, soft_wrap=True)

    def fact(self, ko: str, en: str, value: str, *, style: str | None = None) -> None:
        """Write `ko / en: value` to stderr: a value that is the same in both languages."""
        self.console(stderr=True).print(
            self.clean(f"{ko} / {en}: {value}"), style=style, soft_wrap=True
        )

    def answer(self, value: Any) -> None:
        """Write the one JSON value of `--json`."""
        sys.stdout.write(self.clean(json.dumps(value, ensure_ascii=False)) + "\n")
        sys.stdout.flush()

    def error(self, error: FabulaError, *, run_id: str | None = None) -> None:
        """Say what went wrong; under `--json` as a value that has the keys of a run's."""
        self.note(f"오류: {error.ko}", f"error: {error.en}", style="red")
        if self.as_json:
            self.answer(refusal(error, run_id))

    def bug(self, error: BaseException, log: str) -> None:
        """Name a mistake of fabula's own, and where its traceback is."""
        kind = f"{type(error).__name__}: {error}"
        self.fact("내부 오류", "internal error", kind, style="red")
        if self.verbose:
            sys.stderr.write(self.clean("".join(traceback.format_exception(error))))
        self.fact("자세한 기록", "traceback", log)


def both(ko: str, en: str) -> str:
    """Put the languages side by side, or one below the other where they are long."""
    from rich.cells import cell_len

    if ko == en:
        return ko
    line = f"{ko} / {en}"
    return line if cell_len(line) <= LONGEST_LINE and "\n" not in line else f"{ko}\n{en}"


def refusal(error: FabulaError, run_id: str | None) -> dict[str, Any]:
    """Return what `--json` prints where no run was made or touched."""
    return {
        "run_id": run_id,
        "status": "refused",
        "code": error.code,
        "field": getattr(error, "field", None),
        "message": {"en": error.en, "ko": error.ko},
        "cost": 0.0,
        "artifacts": [],
    }


def usd(amount: float) -> str:
    """Write an amount with as many digits as a cheap call needs."""
    if amount == 0:
        return "0 USD"
    digits = f"{amount:.2f}" if amount >= 1 else f"{amount:.9f}".rstrip("0")
    return f"{digits} USD"


def table_of(*names: str, right: tuple[int, ...] = ()) -> Table:
    """Make a table with these columns; `right` are those that hold figures."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(names):
        # An id is there to be copied: only the last column may be broken over lines.
        table.add_column(
            name,
            justify="right" if place in right else "left",
            no_wrap=place == 0,
            overflow="fold",
        )
    return table
