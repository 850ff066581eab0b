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

__all__ = ["Aliases", "Document", "Ref", "Strict", "alias_ids", "canonical_json", "content_hash"]
