"""`fabula decide`: look at what a waiting run asks, and answer it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabula.cli.edge import DONE, conduct
from fabula.cli.remote import Server, There, at, follow, on_service
from fabula.cli.terminal import Terminal
from fabula.errors import BadInput
from fabula.korean.particles import attach

if TYPE_CHECKING:
    from fabula.runs import Runner, RunResult
    from fabula.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Put the command on the command line."""

    @app.command(help="기다리는 실행에 답하기 / answer what a waiting run asks")
    def decide(
        run_id: Annotated[str, typer.Argument(metavar="RUN", help="실행 번호 / the run's id")],
        answer: Annotated[
            str | None,
            typer.Option(metavar="VALUE", help="답, YAML이나 JSON. 없으면 질문만 / the answer"),
        ] = None,
        ask: Annotated[
            str | None, typer.Option(metavar="NAME", help="질문이 여럿일 때 이름 / which question")
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="JSON 하나를 출력 / print one JSON value")
        ] = False,
        server: Server = None,
    ) -> None:
        terminal = Terminal(as_json)
        here = partial(decide_run, terminal, run_id=run_id, answer=answer, ask=ask)
        work = at(server, here, decide_there)
        raise typer.Exit(conduct(terminal, work))


async def decide_run(
    terminal: Terminal, settings: Settings, *, run_id: str, answer: str | None, ask: str | None
) -> int:
    """Show what is asked, or answer it and go on with the run."""
    from fabula.cli.driving import drive
    from fabula.runs import Runner

    asks = (await Runner(settings).show(run_id)).asks
    if answer is None:
        show_asks(terminal, run_id, asks)
        return DONE
    # A run that waits for nothing is refused as such, whatever the answer looks like.
    given = read_answer(answer, _fitting(asks, ask)) if asks else {}

    async def start(runner: Runner) -> RunResult:
        return await runner.decide(run_id, given, ask=ask)

    return (await drive(terminal, settings, run_id, start, fresh=False)).code


def read_answer(answer: str, asks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Read an answer; a bare value stands for the one field of a question that has no other."""
    from fabula.settings import parse_yaml

    value = parse_yaml(answer, name="--answer")
    if isinstance(value, Mapping):
        return {str(key): one for key, one in value.items()}
    fields = list(asks[0].get("schema", {}).get("properties", {})) if len(asks) == 1 else []
    if len(fields) == 1:
        return {fields[0]: value}
    raise BadInput(
        "--answer",
        f"got `{answer}`, wanted fields, such as --answer 'pick: a'"
        + (f"; fields: {', '.join(fields)}" if fields else ""),
        f"{attach(f'`{answer}`', '는')} 쓸 수 없습니다. "
        "이름과 값으로 주세요. 예: --answer 'pick: a'",
    )


async def decide_there(
    terminal: Terminal,
    settings: Settings,  # noqa: ARG001 - every command is called with them
    *,
    server: str,
    run_id: str,
    answer: str | None,
    ask: str | None,
) -> int:
    """Show what is asked, or answer it and watch the run to its end."""

    async def work(there: There) -> int:
        asks = (await there.client.get(run_id)).asks
        if answer is None:
            show_asks(terminal, run_id, asks)
            return DONE
        given = read_answer(answer, _fitting(asks, ask))
        await there.client.decide(run_id, given, ask=ask)
        return await follow(there)

    return await on_service(terminal, server, work, run=run_id)


def _fitting(asks: Sequence[Mapping[str, Any]], ask: str | None) -> list[Mapping[str, Any]]:
    return [one for one in asks if ask in (None, one["name"], one["id"])]


def show_asks(terminal: Terminal, run_id: str, asks: Sequence[Mapping[str, Any]]) -> None:
    """Show what a run asks, and how it is answered."""
    if terminal.as_json:
        terminal.answer({"run_id": run_id, "asks": [dict(one) for one in asks]})
        return
    if not asks:
        terminal.say("기다리는 결정이 없습니다 / nothing is asked")
    for one in asks:
        terminal.say(f"{one['name']}: {one['question']}", style="bold")
        if complaint := one.get("complaint"):
            terminal.say(f"  지난 답의 문제 / the last answer: {complaint}")
        for name, value in one.get("material", {}).items():
            terminal.say(f"  {name}: {_plain(value)}")
        for name, field in one.get("schema", {}).get("properties", {}).items():
            kinds = field.get("enum") or field.get("type", "")
            terminal.say(f"  --answer '{name}: …'  {_plain(kinds)}")
    if asks:
        terminal.fact("다음", "next", f"fabula decide {run_id} --answer …")


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
