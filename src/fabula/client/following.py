"""A run's events across connections: read, counted, gone on with after the last one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import ValidationError

from fabula.client.answers import RunEvent
from fabula.client.exchange import Ask, Flow, Retry, exchange
from fabula.errors import ServiceAway, ServiceError

LONGEST_FRAME = 16_000_000
QUIET_S = 50.0
"""The service says something every 15 s: after so long without a word the connection is dead."""
AT_ONCE_S = 0.05
"""How soon a connection that brought something is made anew."""


class Following:
    """The events of one run after a number, each once, up to its end."""

    def __init__(self, run_path: str, retry: Retry, *, after: int = 0) -> None:
        self._path = f"{run_path}/events"
        self._retry = retry
        self._last = after
        self._waiting = bytearray()
        self._heard = self._told = False
        self._silent = 0
        self._waited = 0.0
        self.over = False

    def attach(self) -> Flow[httpx.Response]:
        """Open the stream behind the last event."""
        self._waiting.clear()
        self._heard = self._told = False
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self._last)}
        ask = Ask("GET", self._path, headers=headers, again=True, stream=True, read_s=QUIET_S)
        return exchange(ask, self._retry, patience_s=self._retry.follow_s)

    def feed(self, chunk: bytes) -> Iterator[RunEvent]:
        """Yield what a chunk completes; nothing after the end."""
        self._heard = True
        self._waiting += chunk
        if len(self._waiting) > LONGEST_FRAME:
            raise _unreadable()
        whole, cut, rest = self._waiting.replace(b"\r\n", b"\n").rpartition(b"\n\n")
        if not cut:
            return
        self._waiting = bytearray(rest)
        for frame in bytes(whole).split(b"\n\n"):
            if (event := _event(frame)) and self._is_new(event):
                self._told = True
                yield event
                if self.over:
                    return

    def pause_s(self) -> float:
        """Return how long to wait after the connection ended; raises ServiceAway after too long.

        One that brought no event makes the next wait longer.
        """
        if self._heard:
            self._waited = 0.0
        if self._told:
            self._silent = 0
            return AT_ONCE_S
        self._silent += 1
        pause = self._retry.pause(self._silent)
        self._waited += pause
        if self._waited > self._retry.follow_s:
            raise ServiceAway(
                "the stream of events keeps breaking off before it says anything",
                "사건의 흐름이 아무것도 전하지 못하고 계속 끊깁니다",
            )
        return pause

    def _is_new(self, event: RunEvent) -> bool:
        if event.type == "end":
            self.over = True
        elif event.type == "gap":
            first, last = int(event.note["from"]), int(event.note["to"])
            # A log that is shorter than what was seen of it was put back from a copy: it goes on
            # with numbers that were told before.
            self._last = last if first > self._last else first - 1
        elif event.seq is not None:
            if event.seq <= self._last:
                return False
            self._last = event.seq
        return True


def _event(frame: bytes) -> RunEvent | None:
    """Read a frame; None for one that only keeps the connection open."""
    lines = (line.partition(b":") for line in frame.split(b"\n"))
    fields = {name: value.removeprefix(b" ") for name, _, value in lines}
    if b"event" not in fields or b"data" not in fields:
        return None
    try:
        return _typed(fields[b"event"].decode(), json.loads(fields[b"data"]))
    except (ValueError, TypeError, KeyError, ValidationError):
        raise _unreadable() from None


def _typed(name: str, data: Any) -> RunEvent:
    if name == "gap":
        return RunEvent(type=name, note={"from": int(data["from"]), "to": int(data["to"])})
    if name == "end":
        note = {key: value for key, value in data.items() if key != "status"}
        return RunEvent(type=name, status=data["status"], note=note)
    return RunEvent.model_validate(data)


def _unreadable() -> ServiceError:
    return ServiceError(
        "the stream holds what is no event of fabula: is this the right address?",
        "fabula의 사건이 아닌 것이 옵니다. 주소가 맞는지 보세요",
        code="bad_answer",
    )
