"""`fabula compare`: the magazine's two pipelines on one brief, side by side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabula.cli.edge import BAD_INPUT, DONE, FAILED, INTERRUPTED, conduct, ready_folder, shown
from fabula.cli.terminal import Terminal, both
from fabula.errors import BadInput

if TYPE_CHECKING:
    from fabula.cli.driving import Driven
    from fabula.documents.magazine import Mode
    from fabula.graphs.magazine.comparison import Comparison, Measured
    from fabula.runs import Runner, RunResult
    from fabula.settings import Settings

PRODUCT = "magazine"
PAGE, FIGURES = "compare.html", "compare.json"
MODES: tuple[Mode, ...] = ("single_call", "multi_stage")


def add_to(app: typer.Typer) -> None:
    """Put the command on the command line."""

    @app.command(help="두 방식을 한 요청서로 견주기 / run both modes on one brief")
    def compare(
        *,
        brief: Annotated[
            Path, typer.Option(metavar="FILE", help="요청서, YAML이나 JSON / the brief")
        ],
        out: Annotated[Path, typer.Option(metavar="DIR", help="둘 폴더 / where to publish")] = Path(
            "out/compare"
        ),
        flags: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="FLAG=VALUE", help="모드 바꾸기 / a mode switch"),
        ] = None,
        profile: Annotated[
            str | None,
            typer.Option(metavar="NAME", help="모델 묶음: offline, local, cloud / which models"),
        ] = None,
        budget: Annotated[
            float | None,
            typer.Option(metavar="USD", help="방식마다 쓸 수 있는 돈 / the most each may cost"),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="JSON 하나를 출력 / print one JSON value")
        ] = False,
        verbose: Annotated[
            bool, typer.Option("--verbose", help="내부 오류의 자취 출력 / tracebacks")
        ] = False,
    ) -> None:
        terminal = Terminal(as_json, verbose)
        work = partial(
            compare_modes,
            terminal,
            brief=brief,
            out=out,
            flags=flags or [],
            profile=profile,
            budget=budget,
        )
        raise typer.Exit(conduct(terminal, work))


async def compare_modes(
    terminal: Terminal,
    settings: Settings,
    *,
    brief: Path,
    out: Path,
    flags: Sequence[str],
    profile: str | None,
    budget: float | None,
) -> int:
    """Run both modes into `out`, write `compare.html` and `compare.json` beside them."""
    from fabula.cli.running import read_flags
    from fabula.graphs.magazine.comparison import Comparison
    from fabula.runs.folders import check_beside

    given = read_flags(flags)
    if "mode" in given:
        raise BadInput(
            "flags.mode",
            "compare runs both modes; leave it out, or run one with `fabula run magazine --mode …`",
            "compare는 두 방식을 모두 실행합니다. 빼거나, 하나만 실행하려면 "
            "`fabula run magazine --mode …`를 쓰세요",
        )
    await asyncio.to_thread(ready_folder, out)
    await asyncio.to_thread(check_beside, out, (PAGE, FIGURES), MODES)
    measured: dict[Mode, Measured] = {}
    title = brief.stem
    for mode in MODES:
        options: dict[str, Any] = {
            "flags": {**given, "mode": mode},
            "profile": profile,
            "budget": budget,
            "out": out / mode,
        }
        driven, found = await _run_one(terminal, settings, brief, options)
        if driven.result is None or found is None or driven.code in (BAD_INPUT, INTERRUPTED):
            return driven.code
        title = str(getattr(driven.result.document, "title", title))
        measured[mode] = found
    comparison = Comparison(measured["single_call"], measured["multi_stage"])
    page = await asyncio.to_thread(_write, comparison, out, title)
    _show(terminal, comparison)
    terminal.fact("비교 페이지", "as a page", shown(page))
    ended = [comparison.single_call.status, comparison.multi_stage.status]
    return DONE if ended == ["succeeded", "succeeded"] else FAILED


class _Aside(Terminal):
    """Each run is told on stderr: stdout carries the comparison."""

    def answer(self, value: Any) -> None:
        pass


async def _run_one(
    terminal: Terminal, settings: Settings, brief: Path, options: dict[str, Any]
) -> tuple[Driven, Measured | None]:
    from fabula.cli.driving import drive
    from fabula.graphs.magazine.comparison import measure
    from fabula.runs import Runner, new_run_id

    run_id = new_run_id()

    async def start(runner: Runner) -> RunResult:
        return await runner.run(PRODUCT, brief, door="cli", run_id=run_id, **options)

    aside = _Aside(as_json=True, verbose=terminal.verbose)
    aside.hide(settings)
    driven = await drive(aside, settings, run_id, start, fresh=True)
    if driven.result is None:
        return driven, None
    async with Runner(settings).store() as store:
        return driven, await measure(store, run_id)


def _show(terminal: Terminal, comparison: Comparison) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from fabula.graphs.magazine.comparing_words import reasons, unfinished
    from fabula.graphs.magazine.comparison import rows

    if terminal.as_json:
        terminal.answer(comparison.as_json())
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for mode in MODES:
        table.add_column(mode, justify="right")
    table.add_column("기준 / against")
    for row in rows(comparison):
        name = row.ko if row.ko == row.en else f"{row.ko} / {row.en.strip()}"
        table.add_row(name, row.single, row.multi, row.against)
    terminal.console().print(table)
    for reason in (*unfinished(comparison), *reasons(comparison)):
        terminal.say(both(reason.ko, reason.en))
        terminal.say()


def _write(comparison: Comparison, out: Path, title: str) -> Path:
    from fabula.graphs.magazine.comparison import render_comparison

    plain = json.dumps(comparison.as_json(), ensure_ascii=False, indent=2)
    (out / FIGURES).write_text(f"{plain}\n", encoding="utf-8")
    made = [mode for mode in MODES if (out / mode / "index.html").is_file()]
    pages: dict[Mode, str] = {mode: f"{mode}/index.html" for mode in made}
    page = out / PAGE
    page.write_text(render_comparison(comparison, title=title, pages=pages), encoding="utf-8")
    return page
