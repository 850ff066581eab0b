"""What a caller gets back from a run, whichever way it ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fabula.documents import Document
from fabula.products import Product
from fabula.runs.changed import kept_documents
from fabula.runs.ends import End
from fabula.store.documents import StoredDocuments, list_artifacts
from fabula.store.engine import Fence, Store
from fabula.store.ledger import totals
from fabula.store.ports import Artifact
from fabula.store.published import published_names
from fabula.store.runs import RunStatus, get_run
from fabula.store.tables import NANO


@dataclass(frozen=True)
class RunResult:
    """How a run stands.

    `outcome` is the product's own word for a success (`complete`, `degraded`); `code` is the
    stable code of a bad end and `message` its text in English and Korean. Costs are in USD;
    `in_doubt` is the upper bound of what calls without an answer may have cost. `document` is the
    typed result, `error` the exception of a run that failed by a bug. A changed run has a `parent`,
    the `change`'s name and the ids of the documents that its result `kept` from it. `asks` is what
    a waiting run asks a person: for each question its name, words, material and JSON schema.
    `published` names the artifacts that were put into `out`; a run keeps more than it publishes,
    such as the pictures of posts that it did not show.
    """

    run_id: str
    product: str
    status: RunStatus
    outcome: str | None
    code: str | None
    message: Mapping[str, str]
    cost: float
    in_doubt: float
    calls: int
    artifacts: tuple[Artifact, ...]
    out: str
    document: Document | None = None
    error: BaseException | None = None
    parent: str | None = None
    change: str | None = None
    kept: tuple[str, ...] = ()
    asks: tuple[Mapping[str, Any], ...] = ()
    published: Collection[str] = ()

    @property
    def succeeded(self) -> bool:
        return self.status == "succeeded"

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON: what `--json` prints."""
        return {
            "run_id": self.run_id,
            "product": self.product,
            "status": self.status,
            "outcome": self.outcome,
            "code": self.code,
            "message": dict(self.message),
            "cost": self.cost,
            "in_doubt": self.in_doubt,
            "calls": self.calls,
            "out": self.out,
            "parent": self.parent,
            "change": self.change,
            "kept": list(self.kept),
            "asks": [dict(ask) for ask in self.asks],
            "artifacts": [
                {
                    "name": artifact.name,
                    "hash": artifact.hash,
                    "media_type": artifact.media_type,
                    "size": artifact.size,
                    "published": artifact.name in self.published,
                }
                for artifact in self.artifacts
            ],
        }


async def result_of(store: Store, run_id: str, made: Product | None, end: End) -> RunResult:
    """Read what a run that ended so has made and cost; no document without its product."""
    row = await get_run(store, run_id)
    sums = await totals(store, run_id)
    artifacts = tuple(await list_artifacts(store, run_id))
    document = None
    if end.result and made:
        document = await StoredDocuments(store, Fence(run_id, row.epoch)).get(
            made.result, end.result
        )
    return RunResult(
        run_id=run_id,
        product=row.product,
        status=end.status,
        outcome=end.outcome,
        code=end.code,
        message={key: str(end.reason[key]) for key in ("en", "ko") if key in end.reason},
        cost=sums.usd,
        in_doubt=sums.in_doubt / NANO,
        calls=sums.calls,
        artifacts=artifacts,
        out=row.out,
        document=document,
        error=end.error,
        parent=row.parent,
        change=row.change["name"] if row.change else None,
        kept=tuple(kept_documents(row.change, document)) if row.change and document else (),
        asks=tuple(end.reason.get("asks", ())),
        published=await published_names(store, row, artifacts),
    )
