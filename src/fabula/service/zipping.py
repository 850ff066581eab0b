"""A zip that is made while it is sent, the same bytes for the same files."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from fabula.store.documents import read_checked
from fabula.store.ports import Artifact

LONG_AGO = (1980, 1, 1, 0, 0, 0)
UNIX = 3
READABLE = 0o100644 << 16


class _Pipe:
    """A file that can only be written to, and is emptied in between."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: what was written is taken with `take`."""

    def take(self) -> bytes:
        taken, self._waiting = bytes(self._waiting), bytearray()
        return taken


async def zipped(home: Path, files: Sequence[Artifact]) -> AsyncGenerator[bytes, None]:
    """Yield the zip of the files of a home, one file at a time in memory.

    Nothing is compressed: pictures are already, and each zlib would write other bytes. Raises
    StoreError where a file's bytes are gone.
    """
    pipe = _Pipe()
    with ZipFile(pipe, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]  # it asks for no more than `write` and `flush`
        for one in files:
            data = await asyncio.to_thread(read_checked, home, one.hash)
            entry = ZipInfo(one.name, LONG_AGO)
            entry.create_system, entry.external_attr = UNIX, READABLE
            archive.writestr(entry, data)
            yield pipe.take()
    yield pipe.take()


def zip_hash(files: Sequence[Artifact]) -> str:
    """Return a hash that is another one for other files."""
    listed = "\n".join(f"{one.hash} {one.name}" for one in files)
    return hashlib.sha256(listed.encode()).hexdigest()
