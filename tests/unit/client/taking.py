"""Take a flow's steps by hand: answers and failures in turn, pauses written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from fabula.client.exchange import Ask, Flow, Pause, Work

T = TypeVar("T")
HERE = "http://127.0.0.1:8000"


@dataclass
class Taken:
    """What a flow did."""

    asked: list[Ask] = field(default_factory=list)
    paused: list[float] = field(default_factory=list)


def answer(
    status: int = 200,
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    url: str = f"{HERE}/v1/runs",
) -> httpx.Response:
    request = httpx.Request("GET", url)
    return httpx.Response(status, json=body or {}, headers=headers, request=request)


def take(flow: Flow[T], *turns: httpx.Response | Exception) -> tuple[T, Taken]:
    """Drive a flow to its end with these answers; an assertion where it asks for more."""
    taken, waiting = Taken(), list(turns)
    try:
        step = next(flow)
        while True:
            if isinstance(step, Pause):
                taken.paused.append(step.seconds)
                step = flow.send(None)
            elif isinstance(step, Work):
                step = flow.send(step.do())
            else:
                taken.asked.append(step)
                assert waiting, "asked once more than wanted"
                turn = waiting.pop(0)
                step = flow.throw(turn) if isinstance(turn, Exception) else flow.send(turn)
    except StopIteration as done:
        assert not waiting
        return done.value, taken
