"""`fabula change-template` and `fabula rewrite`: a new run that pays only for what changes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabula.cli.edge import DONE, conduct, ready_folder
from fabula.cli.terminal import Terminal, both, usd

if TYPE_CHECKING:
    from fabula.runs import ChangePlan, Runner, RunResult
    from fabula.settings import Settings

RunId = Annotated[str, typer.Argument(metavar="RUN", help="끝난 실행 / the finished run")]
Budget = Annotated[
    float | None, typer.Option(metavar="USD", help="쓸 수 있는 돈, 달러 / the most it may cost")
]
Profile = Annotated[
    str | None, typer.Option(metavar="NAME", help="모델 묶음, 처음 것이 기본 / which models")
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="결과 폴더 / where to publish")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="묻지 않고 시작 / do not ask first")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON 하나를 출력 / print one JSON value")]
YES = ("y", "yes", "ㅛ", "예", "네", "응")


def add_to(app: typer.Typer) -> None:
    """Put the commands on the command line."""

    @app.command("change-template", help="다른 템플릿으로 다시 구성 / plan again in a template")
    def change_template(
        run_id: RunId,
        template: Annotated[
            str, typer.Argument(metavar="TEMPLATE", help="새 템플릿 / the new template")
        ],
        *,
        budget: Budget = None,
        profile: Profile = None,
        out: Out = None,
        yes: Yes = False,
        as_json: AsJson = False,
    ) -> None:
        _conduct(
            as_json,
            run_id=run_id,
            change="change_template",
            request={"template_id": template},
            options={"budget": budget, "profile": profile, "out": out},
            yes=yes,
        )

    @app.command(help="섹션 하나만 새로 쓰기 / write one section anew")
    def rewrite(
        run_id: RunId,
        section: Annotated[
            str, typer.Argument(metavar="SECTION", help="섹션 번호: s1, s2, … / the section")
        ],
        *,
        note: Annotated[
            str | None, typer.Option(metavar="TEXT", help="어떻게 바꿀지 / what you want of it")
        ] = None,
        budget: Budget = None,
        profile: Profile = None,
        out: Out = None,
        yes: Yes = False,
        as_json: AsJson = False,
    ) -> None:
        _conduct(
            as_json,
            run_id=run_id,
            change="rewrite",
            request={"section_id": section, "note": note},
            options={"budget": budget, "profile": profile, "out": out},
            yes=yes,
        )


def _conduct(as_json: bool, **given: Any) -> None:
    terminal = Terminal(as_json)
    raise typer.Exit(conduct(terminal, partial(change_run, terminal, **given)))


async def change_run(
    terminal: Terminal,
    settings: Settings,
    *,
    run_id: str,
    change: str,
    request: Mapping[str, Any],
    options: Mapping[str, Any],
    yes: bool,
) -> int:
    """Say what the change does and may cost, ask where a person is there, and make it."""
    from fabula.cli.driving import drive
    from fabula.runs import Runner, new_run_id

    if options["out"] is not None:
        await asyncio.to_thread(ready_folder, options["out"])
    plan = await Runner(settings).plan_change(run_id, change, request, profile=options["profile"])
    tell(terminal, plan)
    if not (yes or terminal.as_json) and not _agreed():
        terminal.note("시작하지 않았습니다", "not started")
        return DONE
    new_id = new_run_id()

    async def start(runner: Runner) -> RunResult:
        return await runner.change(run_id, change, request, door="cli", run_id=new_id, **options)

    driven = await drive(terminal, settings, new_id, start, fresh=True)
    if driven.result is not None and driven.result.succeeded:
        kept = len(driven.result.kept)
        terminal.note(f"그대로 둔 문서 {kept}개", f"documents kept as they were: {kept}")
    return driven.code


def tell(terminal: Terminal, plan: ChangePlan) -> None:
    """Say what a change does, whom it asks, and what it costs at most."""
    en, ko = plan.does
    terminal.note(ko, en)
    made = plan.estimate
    for line in made.lines:
        if line.calls:
            terminal.fact("물을 에이전트", "asks", f"{line.agent} ×{line.calls:g} ({line.model})")
    calls = f"{made.calls:g} calls (≤ {made.calls_most})"
    terminal.fact("예상", "expected", f"{usd(round(made.cost, 6))}, {calls}")
    terminal.fact("많아야", "at most", usd(round(made.cost_most, 6)))


def _agreed() -> bool:
    streams = (sys.stdin, sys.stderr)
    if not all(one is not None and not one.closed and one.isatty() for one in streams):
        # Nobody is there to answer: a script that calls this has decided already.
        return True
    sys.stderr.write(both("시작할까요? [y/N] ", "start? [y/N] "))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in YES
