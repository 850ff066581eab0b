"""What stands where in an archive, and its manifest."""

from __future__ import annotations

import hashlib
import sys
from typing import Literal

from fabula.documents import Document, Strict
from fabula.products import Product
from fabula.store.ports import Artifact

FORMAT: Literal["fabula-run"] = "fabula-run"
VERSION = 1
MANIFEST, RUN, BRIEF = "manifest.json", "run.json", "brief.json"
EVENTS, CALLS = "events.jsonl", "ledger.jsonl"
REPORT = "run.json"
"""The published file that says what the run did and cost."""


class FileEntry(Strict):
    """One member of the archive; `size` is in bytes."""

    sha256: str
    size: int

    @classmethod
    def of(cls, data: bytes) -> FileEntry:
        return cls(sha256=hashlib.sha256(data).hexdigest(), size=len(data))


class DocumentEntry(Strict):
    """Where a document stands; `altered`: paths were cut from it, so its id is not its hash."""

    id: str
    path: str
    schema_version: int
    altered: bool


class Manifest(Strict):
    """The archive's first member: everything else by path, with hash and schema version.

    `documents` are in the order of their making.
    """

    format: str
    format_version: int
    fabula: str
    store_schema: str
    run: str
    product: str
    documents: tuple[DocumentEntry, ...]
    artifacts: tuple[Artifact, ...]
    files: dict[str, FileEntry]


def document_path(id_: str) -> str:
    """Return where a document stands: `documents/Kind-hash.json`."""
    return f"documents/{id_.replace(':', '-')}.json"


def artifact_path(name: str) -> str:
    """Return where a published file stands."""
    return f"artifacts/{name}"


def kinds_of(made: Product) -> dict[str, type[Document]]:
    """Return the product's documents by kind: those of the module that holds its brief."""
    module = vars(sys.modules[made.brief.__module__])
    return {
        name: kind
        for name, kind in module.items()
        if isinstance(kind, type) and issubclass(kind, Document)
    }
