"""The count of one process, on its monotonic clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from fabula.gateway.limiting.desk import Grants, Head, Outcome, Ticket
from fabula.gateway.limiting.pace import FORGET_S, TRICKLE_RPM, Bucket, Factor, Pace
from fabula.gateway.limits import Limits


class FairBuckets:
    """One model's buckets, and who comes next: start-time fair queueing over projects.

    A project's tag is where its next call starts on a common time that each call moves on by what
    it costs; the earliest start is served. A project that was idle starts where the others are:
    it neither waits behind a crowd nor collects turns. Times are given; nothing here waits.
    """

    def __init__(
        self, whole: Pace, part: Pace | None, *, now: float, start: float, factor: float = 1.0
    ) -> None:
        self._pace = whole
        self._part = part
        self._bucket = Bucket(whole, requests=start, at=now)
        self._parts: dict[str, Bucket] = {}
        self._tags: dict[str, float] = {}
        self._served = 0.0
        self.factor = Factor(now, factor)

    @property
    def used_at(self) -> float:
        return self._bucket.at

    def grant(self, heads: Sequence[Head], now: float) -> Grants:
        self._fill(now)
        counts = [0] * len(heads)
        if (pause := self.factor.pause_until - now) > 0:
            return Grants(tuple(counts), pause, now)
        waits: list[float] = []
        line = [number for number, head in enumerate(heads) if head.tokens]
        while line:
            number = min(line, key=lambda one: (self._start(heads[one].project), heads[one]))
            project, wanted = heads[number]
            tokens = wanted[counts[number]]
            part = self._part_of(project)
            if part and (missing := part.missing_s(tokens, self.factor.value)):
                waits.append(missing)
                line.remove(number)
                continue
            if missing := self._bucket.missing_s(tokens, self.factor.value):
                waits.append(missing)
                break
            self._serve(project, tokens, part)
            counts[number] += 1
            if counts[number] == len(wanted):
                line.remove(number)
        return Grants(tuple(counts), min(waits, default=0.0), now)

    def settle(self, ticket: Ticket, outcome: Outcome, now: float) -> None:
        self._fill(now)
        back = 0 if outcome.sent else 1
        for bucket in (self._bucket, self._part_of(ticket.project)):
            if bucket:
                bucket.take(requests=-back, tokens=outcome.tokens - ticket.tokens)
        if outcome.throttled:
            self.factor.throttled(now, ticket.at, outcome.retry_after_s)
            self._bucket.drain(self.factor.pause_until)
        elif outcome.sent:
            self.factor.answered(now)

    def _start(self, project: str) -> float:
        return max(self._served, self._tags.get(project, 0.0))

    def _serve(self, project: str, tokens: int, part: Bucket | None) -> None:
        start = self._start(project)
        self._served = start
        self._tags[project] = start + self._pace.cost_s(tokens)
        self._bucket.take(tokens=tokens)
        if part:
            part.take(tokens=tokens)

    def _part_of(self, project: str) -> Bucket | None:
        if self._part is None:
            return None
        if project not in self._parts:
            most = self._part.requests.most
            self._parts[project] = Bucket(self._part, requests=most, at=self._bucket.at)
        return self._parts[project]

    def _fill(self, now: float) -> None:
        self._bucket.fill(now, self.factor.value)
        for project, part in list(self._parts.items()):
            part.fill(now, self.factor.value)
            if part.full(self.factor.value):
                del self._parts[project]
        for project, tag in list(self._tags.items()):
            if tag <= self._served:
                del self._tags[project]


class LocalDesk:
    """Keeps the count of one process, for all of its event loops.

    `share` is the part of each limit that is this process's; `start` is how many requests of a
    model may go out before its rate has brought any; `factors` is what is known of how much of
    its limit a model lets through.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        share: float = 1.0,
        start: float = 1.0,
        factors: Mapping[str, float] = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._share = share
        self._start = start
        self._factors = factors
        self._clock = clock
        self._models: dict[str, FairBuckets] = {}
        self._lock = threading.Lock()

    async def grant(self, model: str, heads: Sequence[Head]) -> Grants:
        with self._lock:
            now = self._clock()
            return self._of(model, now).grant(heads, now)

    async def settle(self, ticket: Ticket, outcome: Outcome) -> None:
        with self._lock:
            now = self._clock()
            self._of(ticket.model, now).settle(ticket, outcome, now)

    async def close(self) -> None:
        """Keep the count: the next event loop of this process goes on with it."""

    def _of(self, model: str, now: float) -> FairBuckets:
        known = self._models.get(model)
        if known is None or now - known.used_at > FORGET_S:
            known = self._models[model] = self._made(model, now)
        return known

    def _made(self, model: str, now: float) -> FairBuckets:
        whole, part = paces(self._limits, model, share=self._share)
        factor = self._factors.get(model, 1.0)
        return FairBuckets(whole, part, now=now, start=self._start, factor=factor)


def paces(limits: Limits, model: str, *, share: float = 1.0) -> tuple[Pace, Pace | None]:
    """Return a limited model's pace and that of one project, where a project has a share."""
    limit = limits.of(model)
    if limit is None:
        raise LookupError(f"{model} has no limit")
    if limit.rpm:
        share = max(share, min(1.0, TRICKLE_RPM / limit.rpm))
    if limit.project_share is None:
        return Pace.of(limit, share=share), None
    return Pace.of(limit, share=share), Pace.of(limit, share=share * limit.project_share)
