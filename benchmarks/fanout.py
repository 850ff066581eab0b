"""How close a fan-out comes to its ideal: 12 items, 3 writers, 200 ms a call."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.ground import echo_answer
from benchmarks.product import Stopwatch
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.testing.echo import ECHO, build
from fabula.testing.scripted import ScriptedModel, scripted_provider


class Makespan(NamedTuple):
    """From the first worker's start to the last one's finish, in seconds, as its stream saw it."""

    seconds: float
    ideal: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.ideal


async def fanout_makespan(
    folder: Path,
    *,
    items: int = 12,
    writers: int = 3,
    latency_s: float = 0.2,
    times: int = 5,
) -> Makespan:
    """Run the three-step product a few times; the median makespan of its fan-out."""
    spans = []
    for number in range(times):
        watch = Stopwatch()

        def timed(*args: Any, watch: Stopwatch = watch, **kwargs: Any) -> Any:
            return watch.watch(build(*args, **kwargs))

        model = ScriptedModel(default=echo_answer, latency_s=latency_s)
        runner = Runner(
            Settings(home=folder),
            products={"echo": replace(ECHO, build=timed)},
            providers={"offline": scripted_provider(model)},
        )
        result = await runner.run(
            "echo",
            {"text": "가을", "count": items},
            flags={"writers": writers},
            run_id=f"fan-{number}",
        )
        if not result.succeeded or model.most_at_once != writers:
            raise RuntimeError(f"the run ended {result.status}, {model.most_at_once} at once")
        begun = [at for name, ended, at in watch.tasks if name == "write" and not ended]
        ended = [at for name, ended, at in watch.tasks if name == "write" and ended]
        spans.append(max(ended) - min(begun))
    return Makespan(median(spans), math.ceil(items / writers) * latency_s)
