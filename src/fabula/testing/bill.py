"""What a provider would bill, and which calls are in flight: the truth a kill is judged by."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class Call:
    """One request that arrived. Times are seconds since the epoch.

    `paid` is settled on arrival: everything but a question refused with an HTTP error.
    """

    number: int
    body_hash: str
    agent: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    received_at: float
    repeat: int = 1
    """The how manyth time this very question came."""
    paid: bool = True
    answered_at: float | None = None
    recorded_at: float | None = None
    lost: bool = False
    """In flight at an earlier kill: nobody will record it."""

    def brief(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "body_hash": self.body_hash,
            "agent": self.agent,
            "received_at": self.received_at,
            "answered_at": self.answered_at,
        }


@dataclass
class Bill:
    """Every call of a server, safe to use from its threads."""

    clock: Callable[[], float] = time.time
    calls: list[Call] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock, repr=False)
    _acknowledged: bool = False

    def receive(
        self, body_hash: str, *, agent: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Call:
        """Bill a question; it is in flight from now on."""
        with self._lock:
            repeat = 1 + sum(1 for call in self.calls if call.body_hash == body_hash)
            call = Call(
                number=len(self.calls) + 1,
                body_hash=body_hash,
                agent=agent,
                body=body,
                headers=headers,
                received_at=self.clock(),
                repeat=repeat,
            )
            self.calls.append(call)
            return call

    def answer(self, call: Call) -> None:
        """Note that the answer went out."""
        with self._lock:
            call.answered_at = self.clock()

    def refuse(self, call: Call) -> None:
        """Take a question off the bill: it got an HTTP error."""
        with self._lock:
            call.paid = False

    def record(self, body_hash: str) -> bool:
        """Take the worker's word that this answer is on its disk; False for one never given."""
        with self._lock:
            self._acknowledged = True
            for call in reversed(self.calls):
                if call.body_hash == body_hash and self._awaits_record(call):
                    call.recorded_at = self.clock()
                    return True
        return False

    def in_flight(self, *, grace_s: float | None = None) -> list[Call]:
        """Return the paid calls that a kill now may lose.

        A call is in flight from its receipt until its record is acknowledged. For a worker that
        acknowledges nothing, give `grace_s`: then a call counts until it was answered, and for
        so many seconds after.
        """
        with self._lock:
            return self._in_flight(grace_s, self.clock())

    def mark_kill(self, *, grace_s: float | None = None) -> list[Call]:
        """Return the calls in flight, and count none of them at a later kill again."""
        with self._lock:
            found = self._in_flight(grace_s, self.clock())
            for call in self.calls:
                call.lost = call.lost or call.recorded_at is None
            return found

    def forget(self) -> None:
        """Start with an empty bill."""
        with self._lock:
            self.calls.clear()
            self._acknowledged = False

    def stats(self) -> dict[str, Any]:
        """Sum the bill up as plain JSON."""
        flying = self.in_flight()
        with self._lock:
            paid = [call for call in self.calls if call.paid]
            return {
                "requests": len(self.calls),
                "paid": len(paid),
                "refused": len(self.calls) - len(paid),
                "by_hash": dict(Counter(call.body_hash for call in paid)),
                "by_agent": dict(Counter(call.agent for call in paid)),
                "in_flight": [call.brief() for call in flying],
                "answered_at": {
                    call.body_hash: call.answered_at for call in paid if call.answered_at
                },
                "recorded": sum(1 for call in paid if call.recorded_at),
            }

    def _in_flight(self, grace_s: float | None, now: float) -> list[Call]:
        by_record = grace_s is None or self._acknowledged
        return [
            call
            for call in self.calls
            if self._awaits_record(call)
            and (by_record or call.answered_at is None or now - call.answered_at < (grace_s or 0.0))
        ]

    @staticmethod
    def _awaits_record(call: Call) -> bool:
        return call.paid and call.recorded_at is None and not call.lost
