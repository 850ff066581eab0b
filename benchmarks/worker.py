"""A process that executes one run against a loopback server, and dies where it is told to.

`python -m benchmarks.worker ORDER`, where ORDER is JSON (see `Order`). Settings come from the
environment. It prints the run's result as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import httpx

from fabula.errors import FabulaError
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.testing.echo import ECHO

Point = Literal["before_claim", "after_claim", "after_pay", "after_record", "after_checkpoint"]
POINTS: tuple[Point, ...] = (
    "before_claim",
    "after_claim",
    "after_pay",
    "after_record",
    "after_checkpoint",
)


@dataclass(frozen=True)
class Order:
    """What a worker is to do. At the `nth` time that `point` is reached it sends itself `by`."""

    server: str
    run_id: str
    product: str
    brief: str | Mapping[str, Any]
    flags: Mapping[str, Any]
    out: str
    resume: bool = False
    point: Point | None = None
    nth: int = 0
    by: Literal["SIGKILL", "SIGSTOP"] = "SIGKILL"

    def as_text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


class Saboteur:
    """The runner's hook: acknowledge what is recorded, then strike where the order says."""

    def __init__(self, order: Order, client: httpx.AsyncClient) -> None:
        self._order = order
        self._client = client
        self._met = 0

    async def __call__(self, point: str, known: Mapping[str, Any]) -> None:
        if point == "after_record":
            # First: a call is out of flight from here on, so a kill now must cost nothing.
            body = {"model_version": known["model_version"]}
            (await self._client.post("/fabula/recorded", json=body)).raise_for_status()
        if point == self._order.point:
            self._met += 1
            if self._met == self._order.nth:
                os.kill(os.getpid(), getattr(signal, self._order.by))


async def work(order: Order) -> dict[str, Any]:
    """Start or resume the run; a refusal or a lost lease is a result too."""
    async with httpx.AsyncClient(base_url=order.server, timeout=10) as client:
        runner = Runner(Settings.load(), products={"echo": ECHO}, hook=Saboteur(order, client))
        try:
            if order.resume:
                result = await runner.resume(order.run_id)
            else:
                result = await runner.run(
                    order.product,
                    order.brief,
                    flags=order.flags,
                    out=order.out,
                    run_id=order.run_id,
                )
        except FabulaError as error:
            return {"status": "refused", "code": error.code, "message": {"en": error.en}}
        return result.as_json()


if __name__ == "__main__":
    outcome = asyncio.run(work(Order(**json.loads(sys.argv[1]))))
    sys.stdout.write(json.dumps(outcome, ensure_ascii=False) + "\n")
