"""Typed documents: the base here, a file for each product."""

from fabula.documents.base import (
    Aliases,
    Document,
    Ref,
    Strict,
    alias_ids,
    canonical_json,
    content_hash,
)
from fabula.documents.portable import (
    MachinePath,
    inside_upload,
    machine_paths,
    portable,
    uploaded,
    with_paths,
)

__all__ = [
    "Aliases",
    "Document",
    "MachinePath",
    "Ref",
    "Strict",
    "alias_ids",
    "canonical_json",
    "content_hash",
    "inside_upload",
    "machine_paths",
    "portable",
    "uploaded",
    "with_paths",
]
