"""The ways in which a run ends, or stops for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fabula.errors import Drained, FabulaError, OverBudget, Stop
from fabula.store.runs import RunRow, RunStatus

FIRST_WAIT_S, LONGEST_WAIT_S, GIVE_UP_S = 60.0, 900.0, 86_400.0
"""How long a run rests while its provider is down: doubling, until it fails after a day."""
RESTING = ("provider_down", "disk_full")
"""The codes of what passes by itself, or by the hand of whoever keeps the machine."""


@dataclass(frozen=True)
class End:
    """How a run ended; `reason` is plain JSON with the message in both languages."""

    status: RunStatus
    code: str | None = None
    reason: Mapping[str, Any] = field(default_factory=dict)
    result: str | None = None
    outcome: str | None = None
    wait_s: float | None = None
    error: BaseException | None = None
    more: bool = False
    """A part ended and another follows."""


def end_of(error: FabulaError) -> End:
    """Return the end that an error is."""
    status: RunStatus = error.status if isinstance(error, Stop) else "failed"
    reason = {"en": error.en, "ko": error.ko}
    for name in ("agent", "item", "path", "field"):
        if hasattr(error, name):
            reason[name] = str(getattr(error, name))
    if isinstance(error, OverBudget) and error.needed:
        reason["needed"] = error.needed
    return End(status, error.code, reason, error=error)


def drained() -> Drained:
    """Make the stop of a run whose process is going to end."""
    return Drained(
        "the process is ending; another goes on with the run",
        "프로세스가 끝나 다른 프로세스가 이어서 실행합니다",
    )


def waiting(interrupts: Sequence[Any]) -> End:
    """Return the end of a run that asks a person."""
    asks = [{"id": one.id, **_asked(one.value)} for one in interrupts]
    words = "; ".join(str(ask["question"]) for ask in asks)
    reason = {"en": f"waits for a decision: {words}", "ko": f"결정을 기다립니다: {words}"}
    return End("waiting", reason={**reason, "asks": asks})


def patiently(end: End, row: RunRow) -> End:
    """Let a run rest whose provider is away, or its disk full: longer each time, for a day."""
    if end.code not in RESTING:
        return end
    before = row.reason if row.code in RESTING else None
    rests = int((before or {}).get("rests", 0))
    waited = float((before or {}).get("waited_s", 0.0))
    wait_s = min(FIRST_WAIT_S * 2**rests, LONGEST_WAIT_S)
    if waited + wait_s > GIVE_UP_S:
        return End("failed", end.code, end.reason)
    reason = {**end.reason, "rests": rests + 1, "waited_s": waited + wait_s}
    return End(end.status, end.code, reason, wait_s=wait_s)


def _asked(value: object) -> Mapping[str, Any]:
    # A reader's own node may interrupt with anything.
    own = dict(value) if isinstance(value, Mapping) else {"question": value}
    return {"name": "", "question": "", **own}
