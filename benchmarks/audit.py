"""What must be true after any faults: the auditor's invariants over rows, bill and clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.fleet import Fleet


@dataclass
class Findings:
    """What an audit found. `broken` are sentences; everything else is counted."""

    runs: int = 0
    lost: int = 0
    doubled: int = 0
    repaid: int = 0
    in_flight: int = 0
    written_twice: int = 0
    takeovers: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def takeover_median_s(self) -> float:
        return median(self.takeovers) if self.takeovers else 0.0

    @property
    def takeover_worst_s(self) -> float:
        return max(self.takeovers, default=0.0)

    @property
    def holds(self) -> bool:
        """Say whether nothing was lost, doubled or broken, and no more paid again than flew."""
        wrong = self.lost or self.doubled or self.written_twice or self.broken
        return not wrong and self.repaid <= self.in_flight

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "lost": self.lost,
            "doubled": self.doubled,
            "repaid": self.repaid,
            "in_flight": self.in_flight,
            "artifacts_written_twice": self.written_twice,
            "takeovers": len(self.takeovers),
            "takeover_median_s": round(self.takeover_median_s, 2),
            "takeover_worst_s": round(self.takeover_worst_s, 2),
            "takeovers_s": [round(one, 2) for one in sorted(self.takeovers)],
            "broken": self.broken,
        }


def audit(
    fleet: Fleet, runs: Sequence[str], *, calls: int, wanted: Mapping[str, str] | None = None
) -> Findings:
    """Look at everything once all work has ended.

    `calls` is how many calls the runs pay for unbroken; `wanted` names the runs that are to end
    otherwise than succeeded.
    """
    watch = fleet.watch
    rows = {row[0]: row for row in watch.rows("SELECT id, status, code, result FROM runs")}
    found = Findings(runs=len(runs), in_flight=fleet.flown)
    for run in runs:
        status = rows[run][1] if run in rows else "no row"
        if status != (wanted or {}).get(run, "succeeded"):
            found.lost += 1
            found.broken.append(f"{run} ended {status} {rows[run][2] if run in rows else ''}")
    found.broken += [f"{run}: nobody asked for it" for run in rows.keys() - set(runs)]
    doubled = _doubled(fleet)
    found.doubled = len(doubled)
    found.broken += [*doubled, *_events(fleet), *_parts(fleet)]
    twice = watch.written_twice()
    found.written_twice = len(twice)
    found.broken += twice
    paid = Counter(call.body_hash for call in fleet.server.calls if call.paid)
    found.repaid = paid.total() - len(paid)
    if len(paid) != calls:
        found.broken.append(f"{len(paid)} questions were asked, {calls} in an unbroken run")
    answered = watch.rows("SELECT count(*) FROM ledger WHERE state = 'answered'")[0][0]
    if answered != calls:
        found.broken.append(f"the ledger has {answered} answers for {calls} calls")
    found.takeovers = takeovers(fleet)
    return found


def takeovers(fleet: Fleet) -> list[float]:
    """Return, for each run that a kill hit, the seconds until another owned it."""
    takings = fleet.watch.takings()
    found = []
    for loss in fleet.losses:
        for run, epoch in loss.held.items():
            later = [one.at for one in takings if one.run == run and one.epoch > epoch]
            if later:
                found.append(min(later) - loss.at)
    return found


def _doubled(fleet: Fleet) -> list[str]:
    """Return what was done twice: an end, an answer, a part's beginning under one epoch."""
    ends = fleet.watch.rows(
        "SELECT run, count(*) FROM events WHERE type = 'run.succeeded' GROUP BY 1 HAVING count(*)>1"
    )
    answers = fleet.watch.rows(
        "SELECT run, key FROM ledger WHERE state = 'answered' GROUP BY 1, 2 HAVING count(*) > 1"
    )
    epochs = Counter((one.run, one.epoch) for one in fleet.watch.takings())
    again = [epoch for epoch, times in epochs.items() if times > 1]
    return [
        *(f"{run} succeeded {times} times" for run, times in ends),
        *(f"{run}: {key[:8]} was answered twice" for run, key in answers),
        *(f"{run}: epoch {epoch} was given twice" for run, epoch in again),
    ]


def _events(fleet: Fleet) -> list[str]:
    """Return what is wrong with the events: a gap, a phase that stands twice or not at all."""
    gaps = fleet.watch.rows(
        "SELECT run, max(seq), count(*) FROM events GROUP BY run HAVING max(seq) <> count(*)"
    )
    halves = fleet.watch.rows(
        "SELECT e.run, task, string_agg(phase, ' ') FROM events e JOIN runs r ON r.id = e.run "
        "WHERE task IS NOT NULL AND r.status = 'succeeded' GROUP BY 1, 2 "
        "HAVING count(*) FILTER (WHERE phase = 'start') <> 1 "
        "OR count(*) FILTER (WHERE phase = 'finish') <> 1"
    )
    return [
        *(f"{run}: {count} events numbered to {last}" for run, last, count in gaps),
        *(f"{run}: task {task[:8]} has the phases {phases}" for run, task, phases in halves),
    ]


def _parts(fleet: Fleet) -> list[str]:
    """Return the runs whose part went back, or jumped."""
    rows = fleet.watch.rows(
        "SELECT run, part, before FROM (SELECT run, part, lag(part) OVER "
        "(PARTITION BY run ORDER BY number) AS before FROM watched WHERE what = 'run') AS steps "
        "WHERE before IS NOT NULL AND part NOT IN (before, before + 1)"
    )
    return [f"{run}: from part {before} to {part}" for run, part, before in rows]
