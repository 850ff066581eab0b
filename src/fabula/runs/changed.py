"""What sets a changed run apart from one that starts from its brief."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fabula.documents import Document, canonical_json
from fabula.products import Product
from fabula.store.runs import RunRow


def input_of(row: RunRow, product: Product) -> Mapping[str, Any]:
    """Return what a run's graph starts from: its brief's id, or the state that a change gave.

    A product that works in parts is told the number of this one.
    """
    given = dict(row.change["state"]) if row.change else {"brief": row.brief}
    return {**given, "part": row.part} if product.in_parts else given


def fingerprint_of(product: Product, brief: Any, change: Mapping[str, Any] | None) -> str:
    """Return what the offline model's seed is made of; a changed run's differs from its parent's.

    The brief's id is left out: it covers paths, which differ between machines.
    """
    own = product.fingerprint(brief)
    if not change:
        return canonical_json(own)
    state = {key: value for key, value in change["state"].items() if key != "brief"}
    return canonical_json([own, change["name"], change["request"], state])


def kept_documents(change: Mapping[str, Any], result: Document) -> list[str]:
    """Return the ids that a changed run's result names and that it took over from its parent."""
    named = set(_strings(result.model_dump(mode="json")))
    return [id_ for id_ in change["copied"] if id_ in named]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
