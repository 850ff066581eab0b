"""Run the benchmarks: `python -m benchmarks.run [--full] [--skip kill]`.

Prints one table of figure, target and verdict, and writes them to `reports/bench.json`. Exits 1
when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import kill
from benchmarks.fanout import fanout_makespan
from benchmarks.ground import ROOT, Task, echo_task
from benchmarks.imports import help_seconds, import_seconds
from benchmarks.overhead import call_overhead, fsync_ms, node_overhead

MAGAZINE_BRIEF = ROOT / "examples" / "magazine" / "brief.yaml"
SECTIONS = 12
PUBLISHED = {"layout.json", "index.html", "thumbnail.png"}
QUICK_DISK_MS = 1.0
SEED = 1


@dataclass(frozen=True)
class Figure:
    """A measured figure; `most` is its target, None where it is given for the record."""

    key: str
    value: float
    unit: str
    most: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.most is None or self.value <= self.most


def measured(folder: Path, *, full: bool) -> Iterator[Figure]:
    """Measure what needs no kill."""
    disk = fsync_ms(folder)
    yield Figure("fsync_ms_p50", disk, "ms", note="write and sync 4 kB in this folder")
    node = asyncio.run(node_overhead(folder, times=21 if full else 9))
    drive = f"median drive {node.fabula_ms:.0f} ms, bare {node.bare_ms:.0f} ms"
    yield Figure("node_overhead_ratio", node.ratio, "×", 1.25, drive)
    yield Figure("run_start_ms", node.run_start_ms, "ms", note="row, files opened, graph built")
    yield Figure("run_end_ms", node.run_end_ms, "ms", note="report, last events, row")
    call = asyncio.run(call_overhead(folder, times=2000 if full else 300))
    bare = f"p50, SQLite at full sync; {call.ours_ms:.2f} ms, bare {call.bare_ms:.3f} ms"
    yield Figure("call_overhead_ms", call.added_ms, "ms", 10, bare)
    fan = asyncio.run(fanout_makespan(folder / "fan", times=15 if full else 5))
    span = f"{fan.seconds:.3f} s for {fan.ideal:.1f} s: 12 items, 3 writers, 200 ms"
    yield Figure("fanout_over_ideal", fan.ratio, "×", 1.15 if disk <= QUICK_DISK_MS else 1.25, span)
    yield Figure("import_seconds", import_seconds(15 if full else 7), "s", 0.4, "import fabula")
    yield Figure("help_seconds", help_seconds(15 if full else 7), "s", 1.0, "fabula --help")


def magazine_task() -> Task:
    """Make the magazine run of 12 sections over the example's posts."""
    from fabula.briefs import load_brief
    from fabula.documents.magazine import MagazineBrief

    brief = load_brief(MAGAZINE_BRIEF, MagazineBrief).model_copy(update={"sections": SECTIONS})
    plain = brief.model_dump(mode="json", exclude={"schema_version"})
    return Task("magazine", plain, {"mode": "multi_stage"})


def killed(folder: Path) -> dict[str, list[kill.Verdict]]:
    """Try both scenarios: 20 magazine runs with a kill each, one run of 200 calls with 20."""
    magazine = magazine_task()
    whole = kill.unbroken(magazine, folder / "magazine" / "whole")
    if not whole.published.keys() >= PUBLISHED:
        raise RuntimeError(f"the unbroken run published {sorted(whole.published)}")
    plans = kill.one_kill_each(SEED, whole.calls_s)
    long = echo_task(199, writers=8)
    long_whole = kill.unbroken(long, folder / "long" / "whole")
    blows = kill.twenty_kills(SEED)
    return {
        "20 magazine runs, one kill each": kill.try_each(
            magazine, plans, whole, folder / "magazine"
        ),
        "one run of 200 calls, 20 kills": [
            kill.tried(long, blows, long_whole, folder / "long" / "killed")
        ],
    }


def summed(verdicts: Sequence[kill.Verdict]) -> dict[str, Any]:
    """Sum verdicts up as plain JSON."""
    return {
        "runs": len(verdicts),
        "kills": sum(one.kills for one in verdicts),
        "in_flight": sum(one.in_flight for one in verdicts),
        "repaid": sum(one.repaid for one in verdicts),
        "lost_results": sum(one.lost for one in verdicts),
        "unequal_results": sum(bool(one.unequal) for one in verdicts),
        "broken": [line for one in verdicts for line in one.broken],
        "holds": all(one.holds for one in verdicts),
    }


def by_point(verdicts: Sequence[kill.Verdict]) -> dict[str, dict[str, Any]]:
    """Sum up the runs with one kill, by where it struck."""
    names = dict.fromkeys(one.blows[0].name for one in verdicts if len(one.blows) == 1)
    return {name: summed([one for one in verdicts if one.blows[0].name == name]) for name in names}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the report; 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run")
    parser.add_argument("--full", action="store_true", help="more rounds of each figure")
    parser.add_argument("--skip", choices=("kill", "figures"), action="append", default=[])
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "bench.json")
    given = parser.parse_args(argv)
    console = Console()
    report: dict[str, Any] = {"load_before": os.getloadavg()[0], "cores": os.cpu_count()}
    fine = True
    with tempfile.TemporaryDirectory(prefix="fabula-bench-") as name:
        if "figures" not in given.skip:
            figures = list(measured(Path(name), full=given.full))
            report |= {figure.key: round(figure.value, 4) for figure in figures}
            fine &= all(figure.holds for figure in figures)
            console.print(_figures_table(figures))
        if "kill" not in given.skip:
            scenarios = killed(Path(name))
            report["kill"] = _kill_report(scenarios)
            fine &= report["kill"]["holds"]
            console.print(_kill_table(report["kill"]))
    report["load_after"] = os.getloadavg()[0]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", "utf-8")
    console.print(f"{given.out.name}: written, load {report['load_before']:.1f}")
    return 0 if fine else 1


def _kill_report(scenarios: Mapping[str, Sequence[kill.Verdict]]) -> dict[str, Any]:
    every = [one for verdicts in scenarios.values() for one in verdicts]
    return {
        **summed(every),
        "scenarios": {
            name: {**summed(verdicts), "by_point": by_point(verdicts)}
            for name, verdicts in scenarios.items()
        },
    }


def _figures_table(figures: Sequence[Figure]) -> Table:
    table = Table("figure", "measured", "target", "", "of what")
    for one in figures:
        target = f"≤ {one.most:g} {one.unit}" if one.most is not None else ""
        verdict = "" if one.most is None else _verdict(one.holds)
        table.add_row(one.key, f"{one.value:.3f} {one.unit}", target, verdict, one.note)
    return table


def _kill_table(report: Mapping[str, Any]) -> Table:
    table = Table("kill -9", "kills", "in flight", "repaid", "lost", "unequal", "")
    for name, scenario in report["scenarios"].items():
        table.add_row(name, *_cells(scenario))
        for point, sums in scenario["by_point"].items():
            table.add_row(f"  {point}", *_cells(sums))
    table.add_row("all", *_cells(report))
    return table


def _cells(sums: Mapping[str, Any]) -> list[str]:
    names = ("kills", "in_flight", "repaid", "lost_results", "unequal_results")
    return [*(str(sums[name]) for name in names), _verdict(sums["holds"])]


def _verdict(holds: bool) -> str:
    return "holds" if holds else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
