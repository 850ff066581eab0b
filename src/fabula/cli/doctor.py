"""`fabula doctor`: what a run would stand on, and what is missing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fabula.cli.edge import DONE, FAILED, conduct
from fabula.cli.terminal import Terminal, table_of

if TYPE_CHECKING:
    from fabula.runs.doctor import Diagnosis
    from fabula.settings import Settings

STATES = {"ok": "있음 / ok", "absent": "없음 / absent", "failed": "안 됨 / failed"}


def add_to(app: typer.Typer) -> None:
    """Put the command on the command line."""

    @app.command(help="설정과 서버 점검 / check settings, keys and servers")
    def doctor(
        profile: Annotated[
            str | None,
            typer.Option(metavar="NAME", help="모델 묶음: offline, local, cloud / which models"),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="JSON 하나를 출력 / print one JSON value")
        ] = False,
    ) -> None:
        terminal = Terminal(as_json)
        raise typer.Exit(conduct(terminal, partial(look, terminal, profile=profile)))


async def look(terminal: Terminal, settings: Settings, *, profile: str | None = None) -> int:
    """Show everything; 0 where the profile, the active one where none is named, can run, else 1."""
    from fabula.runs.doctor import examine

    if profile is not None:
        settings = settings.load(profile=profile)
    found = await examine(settings)
    if terminal.as_json:
        terminal.answer(found.as_json())
    else:
        _show(terminal, found)
    return DONE if found.ok else FAILED


def _show(terminal: Terminal, found: Diagnosis) -> None:
    settings = table_of("설정 / setting", "값 / value", "어디서 / from")
    for one in found.settings:
        value = "" if one.value is None else one.value
        settings.add_row(one.name, terminal.clean(value), terminal.clean(one.origin))
    models = table_of(f"에이전트 / agent ({found.profile})", "모델 / model", "문제 / problem")
    for pin in found.models:
        unasked = "" if pin.asked else "(이 모드에서는 묻지 않음 / not asked in this mode)"
        models.add_row(pin.agent, pin.model, terminal.clean(pin.problem or unasked))
    checks = table_of("점검 / check", "이름 / name", "상태 / state", "내용 / detail")
    for check in found.checks:
        bad = check.needed and check.state != "ok"
        state = STATES[check.state] + (" !" if bad else "")
        checks.add_row(check.group, check.name, state, terminal.clean(check.detail))
    for table in (settings, models, checks):
        terminal.console().print(table)
    if found.ok:
        terminal.say(f"{found.profile}: 실행할 수 있습니다 / ready to run", style="green")
    else:
        words = "실행할 수 없습니다. !와 문제를 보세요 / not ready: see ! and problems"
        terminal.say(f"{found.profile}: {words}", style="red")
