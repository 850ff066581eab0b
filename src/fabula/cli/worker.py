"""`fabula worker`: execute what the service was asked for, until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fabula.cli.edge import DONE, conduct
from fabula.cli.terminal import Terminal
from fabula.errors import BadInput

if TYPE_CHECKING:
    from fabula.runs.queue.queueing import QueueName
    from fabula.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Put the command on the command line."""

    @app.command(help="실행을 맡는 작업자 띄우기 / start a worker that executes runs")
    def worker(
        queue: Annotated[
            list[str] | None,
            typer.Option(
                metavar="NAME", help="맡을 줄, 여러 번 / interactive, batch; all by default"
            ),
        ] = None,
        metrics_port: Annotated[
            int | None,
            typer.Option(metavar="N", min=1, max=65_535, help="지표를 열 포트 / Prometheus port"),
        ] = None,
    ) -> None:
        terminal = Terminal()
        work = partial(serve_queues, terminal, queues=queue or [], metrics_port=metrics_port)
        raise typer.Exit(conduct(terminal, work))


async def serve_queues(
    terminal: Terminal,
    settings: Settings,
    *,
    queues: Sequence[str],
    metrics_port: int | None,
) -> int:
    """Work until SIGTERM or Ctrl-C, then drain; a second one ends the process at once."""
    from fabula.worker import Worker
    from fabula.worker.counts import Counts

    ending, counts = asyncio.Event(), Counts()
    chosen = _known(queues)
    worker = Worker(
        settings,
        queues=chosen,
        listener=counts.runs.event,
        on_end=counts.ended,
        on_refused=counts.refused,
        on_webhook=counts.runs.webhook,
    )
    with _log_lines(terminal), _ended_by(ending), counts.shown(metrics_port):
        async with worker.at_work() as pool:
            counts.runs.executing.set_function(lambda: pool.busy)
            names = ", ".join(f"{name} × {pool.free(name)}" for name in chosen)
            terminal.fact("작업자 준비됨", "worker ready", names, style="green")
            await ending.wait()
            terminal.note("하던 단계를 마치고 끝냅니다", "finishing the running steps")
    return DONE


def _known(given: Sequence[str]) -> Sequence[QueueName]:
    from fabula.runs.queue.queueing import QUEUES

    if wrong := [one for one in given if one not in QUEUES]:
        listed = ", ".join(QUEUES)
        raise BadInput(
            "--queue",
            f"got `{wrong[0]}`, wanted one of: {listed}",
            f"`{wrong[0]}`라는 줄은 없습니다. 있는 것: {listed}",
        )
    return [one for one in QUEUES if one in given] or QUEUES


@contextmanager
def _ended_by(ending: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGTERM, signal.SIGINT)

    def end() -> None:
        for number in wanted:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        ending.set()

    for number in wanted:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


class _Clean(logging.Formatter):
    def __init__(self, terminal: Terminal) -> None:
        super().__init__("%(asctime)s level=%(levelname)s logger=%(name)s %(message)s")
        self._terminal = terminal

    def format(self, record: logging.LogRecord) -> str:
        return self._terminal.clean(super().format(record))


@contextmanager
def _log_lines(terminal: Terminal) -> Iterator[None]:
    """Write fabula's log to stderr, where whatever keeps the process alive collects it."""
    logger = logging.getLogger("fabula")
    handler, before = logging.StreamHandler(sys.stderr), logger.level
    handler.setFormatter(_Clean(terminal))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
