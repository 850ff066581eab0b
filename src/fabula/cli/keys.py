"""`fabula keys` and `fabula projects`: who may use a service, and how much at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabula.cli.edge import DONE, conduct
from fabula.cli.terminal import Terminal, table_of

if TYPE_CHECKING:
    from fabula.settings import Settings
    from fabula.store.engine import Store
    from fabula.store.keys import Key
    from fabula.store.projects import Project

Owner = Annotated[str, typer.Option(metavar="NAME", help="누구의 것 / whose")]
AnyOwner = Annotated[
    str | None, typer.Option("--owner", metavar="NAME", help="한 사람 것만 / of one owner")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON 하나를 출력 / print one JSON value")]


def add_to(app: typer.Typer) -> None:
    """Put the commands on the command line."""
    app.add_typer(_keys(), name="keys")
    app.add_typer(_projects(), name="projects")


def _keys() -> typer.Typer:
    group = typer.Typer(help="서비스의 API 키 / API keys of a service", no_args_is_help=True)

    @group.command(help="키 만들기, 한 번만 보여줌 / make a key, shown once")
    def create(
        owner: Owner,
        name: Annotated[str, typer.Option(metavar="TEXT", help="무엇에 쓰나 / what for")] = "",
        rate: Annotated[
            float | None, typer.Option(metavar="N", help="분당 요청 수 / requests a minute")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        terminal = Terminal(as_json)
        work = partial(create_one, terminal, owner=owner, name=name, rate=rate)
        raise typer.Exit(conduct(terminal, work))

    @group.command("list", help="키 목록 / list the keys")
    def list_(owner: AnyOwner = None, as_json: AsJson = False) -> None:
        terminal = Terminal(as_json)
        raise typer.Exit(conduct(terminal, partial(show_keys, terminal, owner=owner)))

    @group.command(help="키 없애기, 몇 초 안에 / revoke a key, within seconds")
    def revoke(
        key: Annotated[str, typer.Argument(metavar="KEY", help="키 번호 / the key's id")],
        as_json: AsJson = False,
    ) -> None:
        terminal = Terminal(as_json)
        raise typer.Exit(conduct(terminal, partial(revoke_one, terminal, id_=key)))

    @group.command("webhook-secret", help="웹훅 서명 확인용 비밀 / what signs an owner's webhooks")
    def webhook_secret(owner: Owner, as_json: AsJson = False) -> None:
        terminal = Terminal(as_json)
        raise typer.Exit(conduct(terminal, partial(show_secret, terminal, owner=owner)))

    return group


def _projects() -> typer.Typer:
    group = typer.Typer(
        help="프로젝트마다 동시에 몇 개 / how many runs of a project at once", no_args_is_help=True
    )

    @group.command("set", help="동시 실행 수 정하기 / set how many at once")
    def set_(
        name: Annotated[str, typer.Argument(metavar="NAME", help="프로젝트 / the project")],
        owner: Owner = "local",
        concurrency: Annotated[
            int | None, typer.Option(metavar="N", help="빼면 설정을 따름 / absent: the setting's")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        terminal = Terminal(as_json)
        work = partial(set_project, terminal, name=name, owner=owner, most=concurrency)
        raise typer.Exit(conduct(terminal, work))

    @group.command("list", help="프로젝트 목록 / list the projects")
    def list_(owner: AnyOwner = None, as_json: AsJson = False) -> None:
        terminal = Terminal(as_json)
        raise typer.Exit(conduct(terminal, partial(show_projects, terminal, owner=owner)))

    return group


async def create_one(
    terminal: Terminal, settings: Settings, *, owner: str, name: str, rate: float | None
) -> int:
    """Make a key and print it, this once."""
    from fabula.store.keys import create_key

    async with _store(settings) as store:
        key, token = await create_key(store, owner=owner, name=name, rate=rate)
    if terminal.as_json:
        terminal.answer({**_row(key), "key": token})
    else:
        terminal.say(token)
        terminal.note(
            "지금만 보여줍니다. 적어 두세요. 이제 서비스의 모든 요청에 키가 필요합니다.",
            "Shown this once: keep it. Every request to the service needs a key from now on.",
        )
    return DONE


async def show_keys(terminal: Terminal, settings: Settings, *, owner: str | None) -> int:
    """List keys without their secrets."""
    from fabula.store.keys import list_keys

    async with _store(settings) as store:
        found = await list_keys(store, owner)
    if terminal.as_json:
        terminal.answer([_row(key) for key in found])
        return DONE
    if not found:
        terminal.say("아직 키가 없습니다 / no keys yet: fabula keys create --owner NAME")
        return DONE
    table = table_of(
        "키 / key", "누구 / owner", "이름", "분당 / a minute", "만든 때", "없앤 때 / revoked"
    )
    for key in found:
        rate = "" if key.rate is None else f"{key.rate:g}"
        made, gone = _day(key.created_at), _day(key.revoked_at)
        table.add_row(key.id, key.owner, terminal.clean(key.name), rate, made, gone)
    terminal.console().print(table)
    return DONE


async def revoke_one(terminal: Terminal, settings: Settings, *, id_: str) -> int:
    """Revoke a key."""
    from fabula.store.keys import revoke_key

    async with _store(settings) as store:
        key = await revoke_key(store, id_)
    if terminal.as_json:
        terminal.answer(_row(key))
    else:
        terminal.say(f"없앴습니다 / revoked: {key.id} ({key.owner})")
    return DONE


async def show_secret(terminal: Terminal, settings: Settings, *, owner: str) -> int:
    """Print what an owner's receiver checks signatures with."""
    from fabula.runs.signing import webhook_secret_of
    from fabula.store.keys import check_owner

    check_owner(owner)
    secret = webhook_secret_of(settings, owner)
    if terminal.as_json:
        terminal.answer({"owner": owner, "secret": secret})
    else:
        terminal.say(secret)
    return DONE


async def set_project(
    terminal: Terminal, settings: Settings, *, name: str, owner: str, most: int | None
) -> int:
    """Say how many runs of a project are executed at once."""
    from fabula.store.keys import check_owner
    from fabula.store.projects import set_concurrency

    check_owner(owner)
    async with _store(settings) as store:
        made = await set_concurrency(store, owner=owner, name=name, most=most)
    if terminal.as_json:
        terminal.answer(vars(made))
    else:
        terminal.say(f"{made.owner}/{made.name}: {_most(settings, made)}")
    return DONE


async def show_projects(terminal: Terminal, settings: Settings, *, owner: str | None) -> int:
    """List projects."""
    from fabula.store.projects import list_projects

    async with _store(settings) as store:
        found = await list_projects(store, owner)
    if terminal.as_json:
        terminal.answer([vars(one) for one in found])
        return DONE
    table = table_of(
        "누구 / owner", "프로젝트 / project", "한 일 / parts", "동시에 / at once", right=(2, 3)
    )
    for one in found:
        row = (one.owner, one.name, str(one.parts), _most(settings, one))
        table.add_row(*map(terminal.clean, row))
    terminal.console().print(table)
    return DONE


def _most(settings: Settings, project: Project) -> str:
    if project.concurrency is not None:
        return str(project.concurrency)
    most = settings.project_concurrency
    return f"{'제한 없음 / no limit' if most is None else most} (설정 / setting)"


def _row(key: Key) -> Mapping[str, Any]:
    return vars(key)


def _day(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Store]:
    from fabula.store.engine import Store

    opened = await Store.open(settings)
    try:
        yield opened
    finally:
        await opened.close()
