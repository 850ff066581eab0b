"""What a caller gets back from a run, whichever way it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fabula.documents import Document
from fabula.store.ports import Artifact
from fabula.store.runs import RunStatus


@dataclass(frozen=True)
class RunResult:
    """How a run stands.

    `outcome` is the product's own word for a success (`complete`, `degraded`); `code` is the
    stable code of a bad end and `message` its text in English and Korean. Costs are in USD;
    `in_doubt` is the upper bound of what calls without an answer may have cost. `document` is the
    typed result, `error` the exception of a run that failed by a bug.
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
            "artifacts": [
                {
                    "name": artifact.name,
                    "hash": artifact.hash,
                    "media_type": artifact.media_type,
                    "size": artifact.size,
                }
                for artifact in self.artifacts
            ],
        }
