"""Files that an estimate has read and the run behind it is about to read again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
MOST = 4_000_000
"""Characters that are kept: some tens of MB. What was read longest ago goes first."""


class Stamp(NamedTuple):
    """Which file in which state; one that is written again has another."""

    path: str
    inode: int
    size: int
    written_ns: int
    changed_ns: int


class Ahead(Generic[T]):
    """What files said, kept from one reading to the next, and then forgotten.

    `weight` says how many characters of the room one takes. Threads may share it.
    """

    def __init__(self, weight: Callable[[T], int], *, most: int = MOST) -> None:
        self._weight = weight
        self._most = most
        self._kept: dict[Stamp, T] = {}
        self._weighs = 0
        self._lock = Lock()

    def keep(self, stamp: Stamp, read: T) -> None:
        """Keep what a file said for the next who reads it."""
        weight = self._weight(read)
        with self._lock:
            self._drop(stamp)
            self._kept[stamp] = read
            self._weighs += weight
            while self._weighs > self._most:
                self._drop(next(iter(self._kept)))

    def take(self, stamp: Stamp) -> T | None:
        """Return what the file said, once; None where it has to be read."""
        with self._lock:
            return self._drop(stamp)

    def _drop(self, stamp: Stamp) -> T | None:
        read = self._kept.pop(stamp, None)
        if read is not None:
            self._weighs -= self._weight(read)
        return read


def stamp_of(path: Path) -> Stamp | None:
    """Return a file's stamp; None where it cannot be looked at."""
    try:
        about = path.stat()
        whole = str(path.absolute())
    except OSError:
        return None
    return Stamp(whole, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
