"""A limit as rates, and how a 429 slows it down and time brings it back."""

from __future__ import annotations

from typing import NamedTuple, Self

from fabula.gateway.limits import Limit

MINUTE_S = 60.0
TRICKLE_RPM = 1.0
"""What a process's share of a limit never falls below."""
DECREASE = 0.75
COOLDOWN_S = 2.0
"""After a 429 further ones are its echo for so long, or for as long as the provider wished."""
LONGEST_PAUSE_S = 30.0
LEAST_FACTOR = 0.01
STEP, STEP_PER_S = 0.005, 0.002
"""What one good answer brings back of the factor at most, and all of a second's together."""
FORGET_S = 600.0
"""A model that nobody used for so long begins anew."""


class Rate(NamedTuple):
    """How much comes in a second, and how much is kept at most; 0 a second: without a limit."""

    per_s: float
    most: float


class Pace(NamedTuple):
    """A limit's two rates. `requests.most` is at least one."""

    requests: Rate
    tokens: Rate

    @classmethod
    def of(cls, limit: Limit, *, share: float = 1.0) -> Self:
        """Return the share of a limit.

        In no minute more than `rpm` requests go out, those of a burst among them.
        """
        requests = tokens = Rate(0.0, 0.0)
        if limit.rpm:
            rpm = limit.rpm * share
            burst = max(1.0, rpm / MINUTE_S * limit.burst_s)
            requests = Rate((rpm - burst + 1) / MINUTE_S, burst)
        if limit.tpm:
            per_s = limit.tpm * share / MINUTE_S
            tokens = Rate(per_s, per_s * limit.burst_s)
        return cls(requests, tokens)

    def cost_s(self, tokens: int) -> float:
        """Return how long the scarcer of the two needs to bring what a call takes."""
        requests_s = 1 / self.requests.per_s if self.requests.per_s else 0.0
        tokens_s = tokens / self.tokens.per_s if self.tokens.per_s else 0.0
        return max(requests_s, tokens_s)


class Bucket:
    """Requests and tokens that may go out now; tokens may be owed."""

    def __init__(self, pace: Pace, *, requests: float, at: float) -> None:
        self._pace = pace
        self.requests = requests
        self.tokens = pace.tokens.most
        self.at = at

    def fill(self, now: float, factor: float) -> None:
        """Bring it up to a time; `factor` slows both rates down."""
        passed = max(0.0, now - self.at)
        requests, tokens = self._pace
        most = max(1.0, requests.most * factor)
        self.requests = min(most, self.requests + requests.per_s * factor * passed)
        self.tokens = min(tokens.most * factor, self.tokens + tokens.per_s * factor * passed)
        self.at = max(self.at, now)

    def missing_s(self, tokens: int, factor: float) -> float:
        """Return how long a call has to wait; one above the most that is kept waits for that."""
        rates, wait = self._pace, 0.0
        if rates.requests.per_s:
            wait = (1 - self.requests) / (rates.requests.per_s * factor)
        if rates.tokens.per_s:
            wanted = min(float(tokens), rates.tokens.most * factor)
            wait = max(wait, (wanted - self.tokens) / (rates.tokens.per_s * factor))
        # Sums of fractions of a second may miss a whole by a hair.
        return wait if wait > 1e-6 else 0.0  # noqa: PLR2004 - a hair

    def take(self, *, requests: int = 1, tokens: int) -> None:
        """Take out, or put back what is negative; the next `fill` keeps it at the most."""
        self.requests -= requests
        self.tokens -= tokens

    def full(self, factor: float) -> bool:
        """Say whether it is as good as a new one."""
        rates = self._pace
        requests = not rates.requests.per_s or self.requests >= max(
            1.0, rates.requests.most * factor
        )
        return requests and (not rates.tokens.per_s or self.tokens >= rates.tokens.most * factor)

    def drain(self, until: float) -> None:
        """Empty it, and let nothing in before a time: what was thought to be there was not."""
        self.requests, self.tokens = min(0.0, self.requests), min(0.0, self.tokens)
        self.at = max(self.at, until)


class Factor:
    """How much of its limit a model really lets through: lowered by 429s, recovering slowly."""

    def __init__(self, now: float, value: float = 1.0) -> None:
        self.value = value
        self.pause_until = now
        self._lowered = self._calm = self._raised = now - 1

    def throttled(self, now: float, admitted: float, retry_after_s: float | None) -> None:
        """Lower it once in a cooldown, for a call let through since it was lowered last."""
        if now >= self._calm and admitted >= self._lowered:
            self.value = max(LEAST_FACTOR, self.value * DECREASE)
            self._lowered = now
            self._calm = self._raised = now + max(COOLDOWN_S, retry_after_s or 0.0)
        pause = min(retry_after_s or 0.0, LONGEST_PAUSE_S)
        self.pause_until = max(self.pause_until, now + pause)

    def answered(self, now: float) -> None:
        """Raise it a little."""
        if now > self._raised and self.value < 1:
            step = min(STEP, STEP_PER_S * (now - self._raised))
            self.value, self._raised = min(1.0, self.value + step), now
