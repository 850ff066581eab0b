"""`fabula serve`: the HTTP service, with no other server needed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fabula.cli.edge import DONE, conduct
from fabula.cli.terminal import Terminal
from fabula.errors import MissingExtra

if TYPE_CHECKING:
    from fabula.settings import Settings

HOST, PORT = "127.0.0.1", 8000


def add_to(app: typer.Typer) -> None:
    """Put the command on the command line."""

    @app.command(help="HTTP 서비스 켜기 / serve the HTTP API")
    def serve(
        port: Annotated[
            int, typer.Option(metavar="N", min=0, max=65535, help="포트, 0은 아무 빈 포트 / port")
        ] = PORT,
        host: Annotated[
            str, typer.Option(metavar="H", help="받을 주소, 이 컴퓨터가 기본 / address to bind")
        ] = HOST,
    ) -> None:
        # Warnings belong on stderr too: that is where whoever runs a server looks.
        terminal = Terminal(verbose=True)
        raise typer.Exit(conduct(terminal, partial(run, terminal, host=host, port=port)))


async def run(terminal: Terminal, settings: Settings, *, host: str, port: int) -> int:
    """Serve until the process is asked to end."""
    try:
        from fabula.service import create_app
        from fabula.service.serving import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fabula"):
            raise
        raise MissingExtra("fabula serve", "service") from None

    def ready(address: str, locked: bool) -> None:
        terminal.say(f"fabula: {address} (/docs)")
        if not locked:
            terminal.note(
                "API 키가 없어 이 컴퓨터에서만 받습니다. 키 만들기: fabula keys create",
                "no API key: this machine alone is answered; make one: fabula keys create",
            )

    await serve(create_app(settings), host=host, port=port, ready=ready)
    terminal.note("모두 마치고 끝냅니다", "drained, done")
    return DONE
