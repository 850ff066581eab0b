"""Figures for Prometheus: what runs do and cost, told by their stored events and ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from fabula.runs.ends import End
from fabula.store.claims import Claimed
from fabula.store.events import Event
from fabula.store.runs import ENDED

log = logging.getLogger("fabula.runs")
MOST_VALUES = 100
"""So many different values one label has; further ones are counted as `other`. A caller may name
models in the flags, and every value costs memory for ever."""
OTHER = "other"

RUN_S = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 10_800, 43_200, 172_800)
STEP_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
TOKEN_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2.4, 3.2, 5, 10, 30)
_GATES = {
    "rewrite": "rewritten",
    "placeholder": "placeholder",
    "polish_refused": "refused",
    "rewrite_refused": "refused",
}


A = TypeVar("A")
B = TypeVar("B")


class Metrics:
    """The figures of one application in a registry of their own; labels never name a run.

    `event` and `end` are a pool's listener and `on_end`.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._seen: dict[str, set[str]] = {}
        self._products: dict[str, str] = {}
        self._began: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._open: dict[str, dict[str, float]] = {}
        self._runs = Histogram(
            "fabula_run_duration_seconds",
            "From when a run was first taken to its end, by how it ended.",
            ("product", "status"),
            buckets=RUN_S,
            registry=self.registry,
        )
        self._steps = Histogram(
            "fabula_step_duration_seconds",
            "How long a step took.",
            ("product", "step", "status"),
            buckets=STEP_S,
            registry=self.registry,
        )
        self._failures = self._counter(
            "fabula_failed_runs",
            "Runs that failed, by why: `stuck` asks for a person.",
            "product",
            "code",
        )
        self._tokens = self._counter(
            "fabula_tokens", "Tokens of answered calls.", "product", "model", "direction"
        )
        self._cost = self._counter(
            "fabula_cost_usd", "Cost of answered calls in US dollars.", "product", "model"
        )
        self._calls = self._counter("fabula_calls", "Answered calls.", "product", "model")
        self._retries = self._counter(
            "fabula_call_failures",
            "Calls that brought no answer and were sent again, or given up.",
            *("product", "model", "reason"),
        )
        self._gates = self._counter(
            "fabula_gate_failures",
            "What a gate did not let through: sent back, refused, left out, or the run's end.",
            *("product", "gate", "outcome"),
        )
        self._takeovers = self._counter(
            "fabula_run_takeovers", "Runs taken over from a process that was lost.", "product"
        )
        self._switches = self._counter(
            "fabula_model_switches", "Calls that a fallback model was asked.", "product", "model"
        )
        self._first_token = Histogram(
            "fabula_time_to_first_token_seconds",
            "From a request for a streamed reply to its first token.",
            ("product", "model"),
            buckets=TOKEN_S,
            registry=self.registry,
        )
        self._webhooks = self._counter(
            "fabula_webhook_tries", "Tries to deliver a webhook, by how they went.", "outcome"
        )
        self.executing = Gauge(
            "fabula_runs_executing",
            "Runs that this process executes now.",
            registry=self.registry,
        )

    def event(self, run: str, event: Event) -> None:
        """Take in one stored event of a run that this process executes."""
        try:
            self._event(run, event)
        except (TypeError, ValueError) as error:
            # A reader's own node may tell what it likes under any name; its run goes on.
            log.info("event not counted type=%s error=%s", event.type, type(error).__name__)

    def _event(self, run: str, event: Event) -> None:
        if event.type in ("run.started", "run.resumed"):
            self._products[run] = str(event.note.get("product", OTHER))
            self._began[run] = event.at
        self._last[run] = event.at
        product = self._label("product", self._products.get(run, OTHER))
        note = event.note
        if event.phase is not None:
            self._step(run, product, event)
        elif event.type == "cost":
            self._answered(product, note)
        elif event.type == "provider_away":
            model = self._label("model", str(note.get("model")))
            self._retries.labels(product, model, _reason(note.get("code"))).inc()
        elif event.type == "model_switched":
            self._switches.labels(product, self._label("model", str(note.get("to")))).inc()
        elif outcome := _GATES.get(event.type):
            gate = event.step or (event.item or OTHER).partition("/")[0]
            self._gates.labels(product, self._label("gate", gate), outcome).inc()

    def end(self, claimed: Claimed, end: End) -> None:
        """Take in how a run, or a part of one, ended."""
        row = claimed.row
        product = self._label("product", row.product)
        began = self._began.pop(row.id, None)
        last = self._last.pop(row.id, None)
        self._products.pop(row.id, None)
        self._open.pop(row.id, None)
        if claimed.taken_over:
            self._takeovers.labels(product).inc()
        if end.status == "failed":
            self._failures.labels(product, self._label("code", end.code or OTHER)).inc()
        if end.code == "gate_failed":
            gate = str(end.reason.get("path", OTHER)).partition(":")[0]
            self._gates.labels(product, self._label("gate", gate), "failed").inc()
        first = row.started_at if row.started_at is not None else began
        if end.status in ENDED and first is not None and last is not None:
            self._runs.labels(product, end.status).observe(max(0.0, last - first))

    def first_token(self, product: str, model: str, seconds: float) -> None:
        """Observe how long a person waited for a streamed reply to begin."""
        named = self._label("product", product), self._label("model", model)
        self._first_token.labels(*named).observe(seconds)

    def webhook(self, outcome: str) -> None:
        """Count a try to deliver a webhook."""
        self._webhooks.labels(outcome).inc()

    def _step(self, run: str, product: str, event: Event) -> None:
        running = self._open.setdefault(run, {})
        if event.phase == "start":
            running[str(event.task)] = event.at
            return
        # A step that another process began is not timed: it waited for its takeover.
        began = running.pop(str(event.task), None)
        if began is not None:
            step, status = self._label("step", str(event.step)), str(event.status)
            self._steps.labels(product, step, status).observe(max(0.0, event.at - began))

    def _answered(self, product: str, note: Mapping[str, Any]) -> None:
        model = self._label("model", str(note.get("model")))
        self._calls.labels(product, model).inc()
        self._cost.labels(product, model).inc(float(note.get("cost") or 0))
        for direction in ("input", "output"):
            tokens = int(note.get(f"{direction}_tokens") or 0)
            self._tokens.labels(product, model, direction).inc(tokens)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, registry=self.registry)

    def _label(self, label: str, value: str) -> str:
        known = self._seen.setdefault(label, set())
        if value not in known:
            if len(known) >= MOST_VALUES:
                return OTHER
            known.add(value)
        return value


def both(first: Callable[[A, B], None], second: Callable[[A, B], None]) -> Callable[[A, B], None]:
    """Tell two listeners of everything, in this order."""

    def told(one: A, other: B) -> None:
        first(one, other)
        second(one, other)

    return told


def _reason(code: object) -> str:
    """Return a bounded word for why a provider gave no answer: its status's class, or none."""
    if isinstance(code, int):
        return "429" if code == 429 else f"{code // 100}xx"  # noqa: PLR2004 - what HTTP says
    return "no_answer"
