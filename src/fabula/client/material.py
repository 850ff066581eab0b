"""What a brief names on this machine: made ready to be uploaded, and named anew in the brief."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabula.client.packing import files_of, folder_name, pack
from fabula.documents import Document, machine_paths, uploaded, with_paths
from fabula.errors import BadInput
from fabula.products import Product
from fabula.products import product as product_of

Brief = Document | Mapping[str, Any] | str | Path


@dataclass(frozen=True)
class Sending:
    """A path of a brief and what has to be uploaded for it: one file, or `files` below `root`."""

    path: str
    root: Path | None = None
    files: Sequence[Path] = ()
    inside: str = ""
    """What of the upload the path names; nothing: all of it."""

    def ready(self, folder: Path) -> Path:
        """Return the file to upload; what has to be packed is packed into `folder`. Blocks."""
        if self.root is None:
            return Path(self.path)
        target = folder / f"{folder_name(self.root)}.zip"
        pack(target, self.root, self.files)
        return target

    def reference(self, uploaded: str) -> str:
        """Return what names the path once the file is there."""
        return f"{uploaded}/{self.inside}" if self.inside else uploaded


@dataclass(frozen=True)
class Placing:
    """A checked brief and what of this machine it names."""

    brief: Document
    sending: Sequence[Sending]

    def brief_with(self, references: Mapping[str, str]) -> dict[str, Any]:
        """Return the brief's fields with uploaded files in place of its paths."""
        placed = with_paths(self.brief, lambda path: references.get(path, path))
        # A service of another version may not know every field that has a default here.
        return placed.model_dump(mode="json", exclude_defaults=True)


def placing(product: str, brief: Brief) -> Placing:
    """Read a brief and find what it names. Blocks; BadInput names what is wrong or not there."""
    made = product_of(product)
    document = _read(made, brief)
    beside = made.beside(document) if made.beside else {}
    found: dict[str, Sending] = {}
    for field, path in machine_paths(document):
        if "://" not in path and uploaded(path) is None and path not in found:
            found[path] = _sending(field, path, beside)
    return Placing(document, tuple(found.values()))


def _read(made: Product, brief: Brief) -> Document:
    if isinstance(brief, Document):
        return brief
    if isinstance(brief, str | Path):
        return made.load_brief(Path(brief))
    return made.read_brief(brief, folder=Path.cwd())


def _sending(field: str, given: str, beside: Mapping[str, Sequence[Path]]) -> Sending:
    path = Path(given)
    if path.is_dir():
        return Sending(given, path, files_of(path))
    if not path.is_file():
        raise BadInput(
            f"brief.{field}", f"`{path.name}` does not exist", f"`{path.name}` 파일이 없습니다"
        )
    if given not in beside:
        return Sending(given)
    name = unicodedata.normalize("NFC", path.name)
    return Sending(given, path.parent, (path, *beside[given]), inside=name)
