"""The edge of the command line: settings, logs, interrupts, and what becomes of an error."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fabula.cli.terminal import Terminal
from fabula.errors import BadInput, FabulaError, Forbidden, KeyMissing, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fabula.settings import Settings

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""The exit codes."""

R = TypeVar("R")
Work = Callable[["Settings"], Awaitable[int]]
log = logging.getLogger("fabula.cli")


def conduct(terminal: Terminal, work: Work) -> int:
    """Do a command's work with the merged settings; return its exit code."""
    try:
        from fabula.settings import Settings

        settings = Settings.load()
    except FabulaError as error:
        terminal.error(error)
        return exit_code_of(error)
    terminal.hide(settings)
    with _logs_kept(terminal, settings):
        return asyncio.run(_guarded(terminal, settings, work))


async def _guarded(terminal: Terminal, settings: Settings, work: Work) -> int:
    try:
        return await work(settings)
    except FabulaError as error:
        terminal.error(error)
        return exit_code_of(error)
    except BrokenPipeError:
        raise
    except Exception as error:
        log.exception("command failed")
        terminal.bug(error, shown(log_file(settings)))
        return FAILED


def exit_code_of(error: FabulaError) -> int:
    """Return 2 for what a person can put right at once, 1 for the rest."""
    at_hand = BadInput | KeyMissing | Unauthorized | Forbidden
    return BAD_INPUT if isinstance(error, at_hand) else FAILED


def log_file(settings: Settings) -> Path:
    """Return where warnings and tracebacks are kept."""
    return settings.home / "logs" / "fabula.log"


def shown(path: Path) -> str:
    """Write a path shorter where it lies below the current folder or the user's own."""
    for root, short in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path.is_absolute() and path.is_relative_to(root) and path != root:
            return short + path.relative_to(root).as_posix()
    return str(path)


def ready_folder(out: Path) -> Path:
    """Make the folder to publish into, before anything is paid for; BadInput where it cannot."""
    from fabula.settings import ready_folder as make

    return make(out)


async def interruptible(coroutine: Coroutine[Any, Any, R], on_first: Callable[[], None]) -> R:
    """Await as a task that Ctrl-C and SIGTERM cancel once, so that it can end in order.

    Raises CancelledError when it was interrupted. A second signal ends the process at once.
    """
    task = asyncio.ensure_future(coroutine)
    with _signals(task, on_first):
        return await task


@contextmanager
def _signals(task: asyncio.Future[Any], on_first: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM)

    def interrupt() -> None:
        for number in wanted:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        on_first()
        task.cancel()

    for number in wanted:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


class _LogFile(logging.FileHandler):
    """A log file that is made, with its folder, when something is first written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, delay=True, encoding="utf-8")

    def _open(self) -> Any:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Stay silent: a full disk must not fill the terminal."""


class _Masked(logging.Formatter):
    def __init__(self, terminal: Terminal) -> None:
        super().__init__("%(asctime)s level=%(levelname)s logger=%(name)s %(message)s")
        self._terminal = terminal

    def format(self, record: logging.LogRecord) -> str:
        return self._terminal.clean(super().format(record))


@contextmanager
def _logs_kept(terminal: Terminal, settings: Settings) -> Iterator[None]:
    """Send warnings and errors to the file alone.

    On the root: a library's warning belongs there too, not between two lines of output.
    """
    handlers: list[logging.Handler] = [_LogFile(log_file(settings))]
    if terminal.verbose:
        handlers.append(logging.StreamHandler())
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(_Masked(terminal))
        handler.setLevel(logging.WARNING)
        root.addHandler(handler)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
