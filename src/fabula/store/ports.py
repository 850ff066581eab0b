"""What a graph may ask of the store, bound to one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from fabula.documents import Document

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Artifact:
    """A stored file: `hash` is the SHA-256 of its bytes, `size` is in bytes."""

    name: str
    hash: str
    media_type: str
    size: int


class Documents(Protocol):
    """The run's documents: rows named by kind and content hash."""

    async def put(self, document: Document) -> str:
        """Write the document's row, fenced; return its id. The same body twice is one row."""
        ...

    async def get(self, kind: type[D], id: str) -> D:  # noqa: A002
        """Read and validate a document of this run; StoreError when it is not there."""
        ...


class Artifacts(Protocol):
    """The run's files, stored once by content hash and named by fenced rows."""

    async def put(self, name: str, data: bytes, media_type: str) -> Artifact:
        """Store the bytes and name them for this run; a name written again is replaced."""
        ...

    async def read(self, hash: str) -> bytes:  # noqa: A002
        """Return the bytes; StoreError when they are missing or do not match the hash."""
        ...

    async def list(self) -> Sequence[Artifact]:
        """Return the run's files by name."""
        ...
