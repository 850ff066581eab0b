"""What a service answers, typed. Fields that a newer service adds are passed over."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from fabula.documents import Document

Status = Literal[
    "queued",
    "running",
    "waiting",
    "succeeded",
    "failed",
    "cancelled",
    "timed_out",
    "over_budget",
]
D = TypeVar("D", bound=Document)


class Answer(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Answer):
    """A text in English and Korean."""

    en: str
    ko: str


class RunSummary(Answer):
    """A run in a list; `code` and `message` say why one that did not succeed stands as it does.

    `budget` is in USD. `outcome` is the product's own word for a success.
    """

    run_id: str
    product: str
    project: str
    thread: str | None = None
    status: Status
    code: str | None = None
    message: Message | None = None
    outcome: str | None = None
    queue: str | None = None
    door: str
    profile: str
    budget: float | None = None
    timeout_s: float | None = None
    part: int = 1
    parent: str | None = None
    change: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    not_before: datetime | None = None

    @property
    def succeeded(self) -> bool:
        return self.status == "succeeded"

    @property
    def rests(self) -> bool:
        """Nothing happens by itself any more: it has ended, or waits for a person."""
        return self.status not in ("queued", "running")


class Artifact(Answer):
    """A file of a run; `hash` is the SHA-256 of its bytes, `size` is in bytes.

    `published`: it is part of the result. The others were only stored on the way, such as pictures
    of posts that are not shown.
    """

    name: str
    hash: str
    media_type: str
    size: int
    published: bool = True
    url: str = ""


class Steps(Answer):
    """How far the part at hand has come."""

    done: int
    total: int


class Progress(Answer):
    """How far a run has come, in parts where it works in parts, else in steps.

    `total` is None where only the run's end will tell. `eta_s` is how many seconds of work were
    left when the last step or part ended, None while there is no pace. `steps` are those of the
    part at hand, None between two parts.
    """

    unit: Literal["steps", "parts"] = "steps"
    done: int
    total: int | None = None
    eta_s: float | None = None
    steps: Steps | None = None


class Links(Answer):
    """Where the rest of a run is, as paths of the service."""

    self: str
    events: str
    cost: str
    artifacts: str
    archive: str


class Run(RunSummary):
    """How a run stands. Costs are in USD; `in_doubt` is an upper bound.

    `asks` is what a waiting run asks a person; `result` the product's result document as plain
    JSON, once there is one.
    """

    flags: dict[str, Any] = {}
    cost: float = 0.0
    in_doubt: float = 0.0
    calls: int = 0
    progress: Progress | None = None
    asks: tuple[dict[str, Any], ...] = ()
    kept: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    links: Links
    result: dict[str, Any] | None = None

    def document(self, kind: type[D]) -> D:
        """Return the result as the product's document; LookupError while there is none."""
        if self.result is None:
            raise LookupError(f"the run {self.run_id} has no result: it is {self.status}")
        return kind.model_validate(self.result)


class RunEvent(Answer):
    """Something that happened in a run.

    `seq` is its number, each is told once. Two types have none: `gap` (`note`: the numbers `from`
    and `to` that are not there any more) and, as the last one, `end` (`status`; `note`: `code`).
    """

    type: str
    seq: int | None = None
    at: float = 0.0
    step: str | None = None
    item: str | None = None
    status: str | None = None
    note: dict[str, Any] = {}


class ProductInfo(Answer):
    """A product: JSON schemas of what it takes and gives, its graph, a brief that runs as it is."""

    name: str
    brief: dict[str, Any]
    flags: dict[str, Any]
    result: dict[str, Any]
    changes: dict[str, dict[str, Any]] = {}
    answers: dict[str, dict[str, Any]] = {}
    mermaid: str
    example: dict[str, Any] | None = None
    forecast: bool = False
    in_parts: bool = False


class EstimateLine(Answer):
    """What one agent is expected to be asked, and at most."""

    agent: str
    model: str
    calls: float
    calls_most: int
    input_tokens: int
    output_tokens: int
    input_most: int
    output_most: int
    cost: float
    cost_most: float
    recorded: int


class Assumption(Answer):
    """What an estimate takes for granted because it did not look."""

    code: str
    ko: str
    en: str


class Estimate(Answer):
    """What a run is expected to use and cost, and at most; USD."""

    product: str
    profile: str
    calls: float
    calls_most: int
    input_tokens: int
    output_tokens: int
    input_most: int
    output_most: int
    cost: float
    cost_most: float
    lines: tuple[EstimateLine, ...]
    assumptions: tuple[Assumption, ...] = ()


class ChangePlan(Answer):
    """What a change would do and cost at most; `documents` are taken over from the parent."""

    parent: str
    product: str
    change: str
    request: dict[str, Any]
    profile: str
    does: Message
    estimate: Estimate
    documents: tuple[str, ...] = ()


class AgentCost(Answer):
    """What one agent was asked and cost, in USD."""

    agent: str
    calls: int
    cost: float
    input_tokens: int
    output_tokens: int
    models: tuple[str, ...] = ()
    in_doubt_calls: int = 0
    in_doubt: float = 0.0


class Expected(Answer):
    """What was expected, at most and true; `off` is the true over the expected, less 1."""

    expected: float
    most: float
    true: float
    off: float | None = None


class CostReport(Answer):
    """A run's money in USD."""

    run_id: str
    budget: float | None = None
    cost: float
    in_doubt: float
    calls: int
    in_doubt_calls: int
    input_tokens: int
    output_tokens: int
    agents: tuple[AgentCost, ...] = ()
    estimate: dict[str, Expected] | None = None
    granted: dict[str, int] = Field(default_factory=dict)


class UploadedFile(Answer):
    """An uploaded file; `reference` is what a brief names it by."""

    file_id: str
    reference: str
    name: str
    media_type: str
    size: int
    hash: str
    created_at: datetime


class RunPage(Answer):
    """Some runs, newest first; `next` is the cursor of the page that follows."""

    items: tuple[RunSummary, ...] = Field(alias="runs")
    next: str | None = None


class FilePage(Answer):
    """Some uploaded files, newest first."""

    items: tuple[UploadedFile, ...] = Field(alias="files")
    next: str | None = None


class ProductList(Answer):
    """The names of products."""

    class Entry(Answer):
        name: str

    products: tuple[Entry, ...]


class ArtifactList(Answer):
    """The files of a run."""

    artifacts: tuple[Artifact, ...]
