"""What the OpenAPI document shows of requests and answers, so that a reader can act on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fabula.products import Product
from fabula.service.views import RunView, links_of

RUN = "20260301-0123456789"
DECISIONS = {
    "only": {
        "summary": "The one open question; `asks` of the run has the schema of its answer",
        "value": {"answer": {"pick": "b"}},
    },
    "named": {
        "summary": "One of several questions, by its name or id",
        "value": {"ask": "title", "answer": {"pick": "b", "why": "짧아서"}},
    },
}
RESUMES = {
    "as it stands": {"summary": "Go on; no body at all says the same", "value": {}},
    "more money": {
        "summary": "Go on after `over_budget`: the run's budget is now 2 USD in all",
        "value": {"budget": 2.0},
    },
}
UPLOAD = {
    "notes": {
        "summary": "curl -F file=@notes.md …/v1/files",
        "value": {"file": "# 골목\n\n가을에 골목을 오래 걸었다.\n"},
    }
}


def changes_of(products: Mapping[str, Product]) -> dict[str, Any]:
    """Return a request for each change of the products, of what its fields give as examples."""
    found = {}
    for _, made in sorted(products.items()):
        for name, change in sorted(made.changes.items()):
            fields = change.request.model_fields.items()
            request = {field: info.examples[0] for field, info in fields if info.examples}
            summary = f"A run of {made.name}: …/changes/{name}"
            found[name] = {"summary": summary, "value": {"request": request}}
    return found


def accepted(products: Mapping[str, Product]) -> dict[str, Any]:
    """Return how a run looks that was just asked for."""
    view = RunView(
        run_id=RUN,
        product=min(products),
        project="default",
        thread=None,
        status="queued",
        code=None,
        message=None,
        outcome=None,
        queue="batch",
        door="http",
        profile="offline",
        budget=None,
        timeout_s=None,
        part=1,
        parent=None,
        change=None,
        created_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
        started_at=None,
        finished_at=None,
        not_before=None,
        flags={},
        links=links_of(RUN),
    )
    return view.model_dump(mode="json")
