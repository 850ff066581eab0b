"""Both pipelines on one brief, side by side: what each asked, used, cost and covered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fabula.documents.magazine import (
    MagazineLayout,
    MagazineOutline,
    MagazineResult,
    Mode,
    SectionPlan,
    SourceSet,
)
from fabula.graphs.magazine.comparing_words import STEP_WORDS, reasons, unfinished
from fabula.graphs.magazine.steps import Step, steps_of
from fabula.store.documents import StoredDocuments
from fabula.store.engine import Fence, Store
from fabula.store.events import Event, list_events
from fabula.store.ledger import entries, totals
from fabula.store.runs import RunRow, get_run
from fabula.store.tables import NANO

TOKENS_TIMES = (1.5, 2.0)
"""What the user's document expects of multi_stage: so many times the tokens of single_call."""
BESIDE_SECTIONS = 3
"""Calls beside one for each section that it allows for: classify, plan, polish."""
TOO_MANY = 429
REFUSALS = ("rewrite", "fault", "polish_refused")
_FOLDER = Path(__file__).parents[2] / "templates" / "magazine"


@dataclass(frozen=True)
class Measured:
    """One run in numbers; `cost` in USD, `wall_s` from its first event to its last.

    `form_failures` are answers that broke their form: cut short, no JSON, against the schema.
    `content_failures` are sections that a rule found wrong, each time: sent back, put aside or
    only reported, and polishes that were refused. `validator_failures` are both together.
    `placeholders` are sections that stayed empty. `posts_a_section` is how many posts a section
    may use, on average. `code` and `message` say why a run did not succeed.
    """

    mode: Mode
    run_id: str
    status: str
    outcome: str | None
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float
    wall_s: float
    form_failures: int
    content_failures: int
    placeholders: int
    posts: int
    posts_cited: int
    sections: int
    sections_written: int
    too_many_requests: int
    requests_failed: int
    posts_a_section: float = 0.0
    steps: tuple[Step, ...] = ()
    code: str | None = None
    message: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether the run made its article: only then do its sums say what its mode takes."""
        return self.status == "succeeded"

    @property
    def validator_failures(self) -> int:
        return self.form_failures + self.content_failures

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def step(self, name: str) -> Step | None:
        """Return what a step asked for, None where it asked nothing."""
        return next((step for step in self.steps if step.name == name), None)


@dataclass(frozen=True)
class Comparison:
    """Two runs of one brief."""

    single_call: Measured
    multi_stage: Measured

    @property
    def unfinished(self) -> tuple[Measured, ...]:
        """The runs without an article; where there is one, nothing is concluded."""
        both = (self.single_call, self.multi_stage)
        return tuple(one for one in both if not one.finished)

    @property
    def expected_calls(self) -> int | None:
        """N+3, N being the sections that multi_stage made; None where a run did not finish."""
        return None if self.unfinished else self.multi_stage.sections + BESIDE_SECTIONS

    @property
    def expected_token_ratio(self) -> tuple[float, float]:
        """The least and the most that the user's document expects of `token_ratio`."""
        return TOKENS_TIMES

    @property
    def token_ratio(self) -> float | None:
        """How many times the tokens of single_call multi_stage used.

        None where it used none or a run did not finish.
        """
        used = 0 if self.unfinished else self.single_call.tokens
        return round(self.multi_stage.tokens / used, 3) if used else None

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON: what `compare.json` holds."""
        return {
            "single_call": _plain(self.single_call),
            "multi_stage": _plain(self.multi_stage),
            "expected_calls": self.expected_calls,
            "token_ratio": self.token_ratio,
            "expected_token_ratio": list(TOKENS_TIMES),
            "reasons": [reason._asdict() for reason in reasons(self)],
            "unfinished": [
                {"mode": one.mode, "status": one.status, "code": one.code, **said._asdict()}
                for one, said in zip(self.unfinished, unfinished(self), strict=True)
            ],
        }


class Row(NamedTuple):
    """A line of the table: the same measure of both runs, and what it is held against."""

    ko: str
    en: str
    single: str
    multi: str
    against: str = ""


async def measure(store: Store, run_id: str) -> Measured:
    """Measure a magazine run from its rows, however it ended."""
    row = await get_run(store, run_id)
    reason = row.reason or {}
    sums = await totals(store, run_id)
    events = await list_events(store, run_id)
    ledger = await entries(store, run_id)
    steps = steps_of(ledger)
    failed = [event for event in events if event.type == "provider_away"]
    return Measured(
        mode=row.flags["mode"],
        run_id=run_id,
        status=row.status,
        outcome=row.outcome,
        calls=sums.calls,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost=sums.answered / NANO,
        wall_s=round(events[-1].at - events[0].at, 3) if events else 0.0,
        form_failures=_broken(ledger, row),
        content_failures=_refused(events),
        placeholders=sum(event.type == "placeholder" for event in events),
        too_many_requests=sum(event.note.get("code") == TOO_MANY for event in failed),
        requests_failed=len(failed),
        steps=steps,
        code=row.code,
        message={key: str(reason[key]) for key in ("ko", "en") if key in reason},
        **await _covered(store, row),
    )


def _refused(events: Sequence[Event]) -> int:
    # The last refusal of a section is told as its placeholder alone.
    return sum(event.type in (*REFUSALS, "placeholder") for event in events)


def _broken(entries: Sequence[Any], row: RunRow) -> int:
    """Count the answers after which the same was asked again, and the last before a rejection."""
    asks: dict[tuple[str, int], int] = {}
    for entry in entries:
        if entry.state == "answered":
            place = (entry.item, entry.attempt)
            asks[place] = max(asks.get(place, 0), entry.ask)
    item = (row.reason or {}).get("item") if row.code in ("rejected", "blocked") else None
    return sum(asks.values()) + any(place[0] == item for place in asks)


async def _covered(store: Store, row: RunRow) -> dict[str, Any]:
    if not row.result:
        return {"posts": 0, "posts_cited": 0, "sections": 0, "sections_written": 0}
    documents = StoredDocuments(store, Fence(row.id, row.epoch))
    result = await documents.get(MagazineResult, row.result)
    layout = await documents.get(MagazineLayout, result.layout)
    sources = await documents.get(SourceSet, result.sources)
    return {
        "posts": len(sources.posts),
        "posts_cited": len(layout.citations),
        "sections": len(layout.sections),
        "sections_written": sum(one.status == "written" for one in layout.sections),
        "posts_a_section": await _posts_a_section(documents, result),
    }


async def _posts_a_section(documents: StoredDocuments, result: MagazineResult) -> float:
    if not result.outline:
        return 0.0
    outline = await documents.get(MagazineOutline, result.outline)
    plans = [await documents.get(SectionPlan, id_) for id_ in outline.section_plans]
    return round(sum(len(plan.post_ids) for plan in plans) / max(len(plans), 1), 1)


def rows(comparison: Comparison) -> list[Row]:
    """Return the table's lines."""
    one, many = comparison.single_call, comparison.multi_stage
    least, most = TOKENS_TIMES
    ratio = comparison.token_ratio
    times = "-" if ratio is None else f"×{ratio:g} ({least:g}-{most:g})"
    calls = comparison.expected_calls
    against = "-" if calls is None else f"N+3 = {calls}"
    pairs: list[tuple[str, str, Any, str]] = [
        ("결과", "outcome", lambda m: m.outcome or m.status, ""),
        ("호출", "calls", lambda m: str(m.calls), against),
        ("토큰", "tokens", lambda m: f"{m.tokens:,}", times),
        ("  입력", "  input", lambda m: f"{m.input_tokens:,}", ""),
        ("  출력", "  output", lambda m: f"{m.output_tokens:,}", ""),
        ("비용", "cost, USD", lambda m: f"{m.cost:.6f}", ""),
        ("걸린 시간", "wall time", lambda m: f"{m.wall_s:.1f} s", ""),
        ("검사에서 걸림", "faults found", lambda m: str(m.validator_failures), ""),
        ("  답의 형식", "  form", lambda m: str(m.form_failures), ""),
        ("  글의 내용", "  content", lambda m: str(m.content_failures), ""),
        ("빈 섹션", "placeholders", lambda m: str(m.placeholders), ""),
        ("쓴 섹션", "sections written", lambda m: _of(m, m.sections_written, m.sections), ""),
        ("인용한 글", "posts cited", lambda m: _of(m, m.posts_cited, m.posts), ""),
        ("429", "429", lambda m: str(m.too_many_requests), ""),
        ("실패한 요청", "failed requests", lambda m: str(m.requests_failed), ""),
    ]
    return [Row(ko, en, value(one), value(many), against) for ko, en, value, against in pairs]


def _of(measured: Measured, some: int, of: int) -> str:
    return f"{some}/{of}" if measured.finished else "-"


def render_comparison(comparison: Comparison, *, title: str, pages: Mapping[Mode, str]) -> str:
    """Return the table as one HTML page that asks no host for anything.

    `pages` are links to the articles, relative to the page.
    """
    return str(
        _template().render(
            title=title,
            rows=rows(comparison),
            pages=pages,
            runs=(comparison.single_call, comparison.multi_stage),
            reasons=reasons(comparison),
            unfinished=unfinished(comparison),
            step_words=STEP_WORDS,
            longest=max(comparison.single_call.tokens, comparison.multi_stage.tokens, 1),
        )
    )


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("compare.html.j2")


def _plain(measured: Measured) -> dict[str, Any]:
    failures = measured.validator_failures
    return {**asdict(measured), "validator_failures": failures, "tokens": measured.tokens}
