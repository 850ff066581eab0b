"""What a run did and cost, from its rows: `run.json`, `fabula show`, `fabula cost`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fabula.errors import BadInput
from fabula.products import product as product_of
from fabula.runs.estimate import ESTIMATED, error_of
from fabula.store.engine import Store
from fabula.store.events import list_events
from fabula.store.ledger import entries, totals
from fabula.store.runs import RunRow, get_run
from fabula.store.tables import NANO


async def cost_report(store: Store, run: str) -> dict[str, Any]:
    """Return the run's money in USD: totals, and by agent what was asked, paid and used.

    `in_doubt` is the upper bound of what calls without an answer may have cost. `estimate` sets
    what was expected at the start beside what came; None for a run that was not estimated. Its
    bounds hold what resumes `granted`: for each item, how many times its allowance was given again.
    """
    sums = await totals(store, run)
    row = await get_run(store, run)
    by_agent: dict[str, dict[str, Any]] = {}
    rows = await entries(store, run)
    for entry in rows:
        line = by_agent.setdefault(entry.agent, _empty_line())
        if entry.state == "answered":
            line["calls"] += 1
            line["cost"] += entry.cost / NANO
            line["input_tokens"] += entry.input_tokens
            line["output_tokens"] += entry.output_tokens
            line["models"] = sorted({*line["models"], f"{entry.provider}:{entry.model}"})
        elif entry.doubtful:
            line["in_doubt_calls"] += 1
            line["in_doubt"] += entry.reserved / NANO
    report: dict[str, Any] = {
        "run_id": run,
        "budget": row.budget / NANO if row.budget is not None else None,
        "cost": sums.usd,
        "in_doubt": sums.in_doubt / NANO,
        "calls": sums.calls,
        "in_doubt_calls": sums.doubtful_calls,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "agents": [{"agent": agent, **line} for agent, line in sorted(by_agent.items())],
    }
    notes = [one.note for one in await list_events(store, run) if one.type == ESTIMATED]
    estimate = error_of(_with_grants(notes[0], row, rows), report) if notes else None
    return report | {"estimate": estimate, "granted": dict(row.grants)}


def _with_grants(note: Mapping[str, Any], row: RunRow, rows: Sequence[Any]) -> Mapping[str, Any]:
    """Add to an estimate's bounds what the resumes of rejected items granted."""
    try:
        allowance = product_of(row.product).allowance
    except BadInput:
        # A product of the caller's own, which this process does not know.
        return note
    longest = {
        line["agent"]: line["output_most"] / line["calls_most"]
        for line in note["lines"]
        if line["calls_most"]
    }
    more: Counter[str] = Counter()
    for item, times in row.grants.items():
        asked, calls = [one for one in rows if one.item == item], times * allowance
        more["calls_most"] += calls
        more["input_most"] += calls * max((_prompt(one) for one in asked), default=0)
        more["output_most"] += calls * round(
            max((longest.get(o.agent, 0) for o in asked), default=0)
        )
        more["cost_most"] += calls * max((one.reserved for one in asked), default=0)
    return {
        **note,
        **{name: note[name] + more[name] for name in ("calls_most", "input_most", "output_most")},
        "cost_most": note["cost_most"] + more["cost_most"] / NANO,
    }


def _prompt(entry: Any) -> int:
    return int(max(entry.estimated_tokens, entry.input_tokens or 0))


async def highest_price(store: Store, run: str, item: str) -> float:
    """Return the highest price that was reserved for one call of an item, in USD."""
    rows: Iterable[Any] = await entries(store, run)
    return max((row.reserved for row in rows if row.item == item), default=0) / NANO


async def run_report(store: Store, run: str, *, outcome: str) -> bytes:
    """Write `run.json`: the only published file that holds times and ids."""
    row = await get_run(store, run)
    report = {
        "run_id": run,
        "product": row.product,
        "outcome": outcome,
        "profile": row.profile,
        "flags": row.flags,
        "replaced": row.replaced,
        "created_at": row.created_at,
        "cost": await cost_report(store, run),
        "events": [
            {key: value for key, value in asdict(event).items() if value not in (None, {})}
            for event in await list_events(store, run)
        ],
    }
    return (json.dumps(report, ensure_ascii=False, indent=2) + "\n").encode()


def _empty_line() -> dict[str, Any]:
    return {
        "calls": 0,
        "cost": 0.0,
        "input_tokens": 0,
        "output_tokens": 0,
        "models": [],
        "in_doubt_calls": 0,
        "in_doubt": 0.0,
    }
