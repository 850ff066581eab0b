"""A provider's own limit: a bucket that lets so many requests a second through."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Turnstile:
    """Count requests against a rate that each of them names; it begins with a full burst."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._taken = 0.0
        self._at = clock()

    def lets_through(self, per_s: float, burst: float) -> bool:
        """Let a request through, or not; one that is turned away takes nothing."""
        with self._lock:
            now = self._clock()
            self._taken = max(0.0, self._taken - (now - self._at) * per_s)
            self._at = now
            if self._taken + 1 > burst:
                return False
            self._taken += 1
            return True
