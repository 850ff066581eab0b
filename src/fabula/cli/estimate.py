"""`fabula estimate`: what a run will use and cost, before any money; and how right that was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabula.cli.edge import DONE, conduct
from fabula.cli.terminal import Terminal, both, table_of, usd

if TYPE_CHECKING:
    from fabula.runs.estimate import Estimate
    from fabula.settings import Settings

DIGITS = 6


def add_to(app: typer.Typer) -> None:
    """Put the command on the command line."""

    @app.command(help="비용 미리 보기, 돈 들기 전에 / what a run will cost, before it does")
    def estimate(
        product: Annotated[
            str, typer.Argument(metavar="PRODUCT", help="제품: magazine / the product")
        ],
        *,
        brief: Annotated[
            Path, typer.Option(metavar="FILE", help="요청서, YAML이나 JSON / the brief")
        ],
        flags: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="FLAG=VALUE", help="모드 바꾸기 / a mode switch"),
        ] = None,
        mode: Annotated[
            str | None,
            typer.Option(metavar="M", help="만드는 길, --set mode=M / which pipeline"),
        ] = None,
        profile: Annotated[
            str | None,
            typer.Option(metavar="NAME", help="모델 묶음: offline, local, cloud / which models"),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="JSON 하나를 출력 / print one JSON value")
        ] = False,
    ) -> None:
        terminal = Terminal(as_json)
        work = partial(
            foresee,
            terminal,
            product=product,
            brief=brief,
            flags=flags or [],
            mode=mode,
            profile=profile,
        )
        raise typer.Exit(conduct(terminal, work))


async def foresee(
    terminal: Terminal,
    settings: Settings,
    *,
    product: str,
    brief: Path,
    flags: Sequence[str],
    mode: str | None = None,
    profile: str | None,
) -> int:
    """Show what a run of a brief's file is expected to use, and at most."""
    from fabula.cli.running import read_flags, with_mode
    from fabula.runs.estimate import estimate_brief

    made = await estimate_brief(
        settings, product, brief, flags=with_mode(read_flags(flags), mode), profile=profile
    )
    if terminal.as_json:
        terminal.answer(made.as_json())
    else:
        _show(terminal, made)
    return DONE


def _show(terminal: Terminal, made: Estimate) -> None:
    table = table_of("에이전트 / agent", "호출", "토큰 in → out", "비용 / cost", right=(1, 2, 3))
    for line in made.lines:
        if line.calls:
            tokens = f"{line.input_tokens:,} → {line.output_tokens:,}"
            table.add_row(line.agent, f"{line.calls:g}", tokens, _about(line.cost))
    terminal.console().print(table)
    used = f"{made.calls:g} calls, {made.input_tokens:,} → {made.output_tokens:,} tokens"
    terminal.say(f"예상 / expected: {_about(made.cost)}, {used} ({made.profile})")
    most = f"{made.calls_most:,} calls, {made.input_most:,} → {made.output_most:,} tokens"
    terminal.say(f"상한 / at most: {_about(made.cost_most)}, {most}")
    for one in made.assumptions:
        terminal.say(both(one.ko, one.en))
    if any(line.recorded for line in made.lines):
        calls = sum(line.recorded for line in made.lines)
        terminal.say(f"지난 호출로 고침 / corrected by past calls: {calls:,}")
    else:
        terminal.say("지난 기록이 없어 넉넉히 잡음 / nothing recorded yet: guessed from above")


def show_error(terminal: Terminal, error: Mapping[str, Any], *, resumes: int = 0) -> None:
    """Show how an estimate compares with what a run really took.

    `resumes` are those that granted a rejected item its allowance again: they are in the bounds.
    """
    terminal.say("예상 → 실제 (상한) / expected → true (at most)")
    if resumes:
        after = "after 1 resume" if resumes == 1 else f"after {resumes} resumes"
        terminal.say(
            f"  상한은 다시 허용한 {resumes}번을 더한 것 / at most, {after} of a rejected item"
        )
    for name, write in (
        ("calls", "{:,g}".format),
        ("input_tokens", "{:,g}".format),
        ("output_tokens", "{:,g}".format),
        ("cost", _about),
    ):
        part = error[name]
        off = "" if part["off"] is None else f"  {part['off']:+.0%}"
        figures = [write(part[key]) for key in ("expected", "true", "most")]
        terminal.say(f"  {name:13} {figures[0]} → {figures[1]} (≤ {figures[2]}){off}")


def _about(amount: float) -> str:
    return usd(round(amount, DIGITS))
