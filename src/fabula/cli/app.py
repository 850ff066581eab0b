"""The commands. What they do is imported when they are called, so that `--help` is quick."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from fabula.cli import (
    carrying,
    changing,
    compare,
    deciding,
    doctor,
    estimate,
    keys,
    schemas,
    sending,
    serve,
    worker,
)
from fabula.cli.edge import BAD_INPUT, DONE, FAILED, INTERRUPTED, conduct
from fabula.cli.remote import Server, at
from fabula.cli.terminal import Terminal
from fabula.errors import BadInput

app = typer.Typer(
    name="fabula",
    help="짧은 요청에서 완성된 창작물까지 / a short brief in, finished creative work out",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Product = Annotated[str, typer.Argument(metavar="PRODUCT", help="제품: magazine / the product")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="실행 번호 / the run's id")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON 하나를 출력 / print one JSON value")]
Verbose = Annotated[bool, typer.Option("--verbose", help="내부 오류의 자취 출력 / tracebacks")]
Budget = Annotated[
    float | None, typer.Option(metavar="USD", help="쓸 수 있는 돈, 달러 / the most it may cost")
]


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="버전 / the version")] = False,
) -> None:
    if version:
        from fabula import __version__

        typer.echo(__version__)
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(help="예제로 매거진을 만들어 보기, 키 없이 / make the example, with no key")
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="둘 폴더 / where to")] = Path("out/demo"),
    browser: Annotated[
        bool, typer.Option("--open/--no-open", help="끝나면 브라우저로 열기 / open the page")
    ] = False,
    verbose: Verbose = False,
) -> None:
    from fabula.cli.demo import show_examples

    terminal = Terminal(verbose=verbose)
    raise typer.Exit(conduct(terminal, partial(show_examples, terminal, out=out, browser=browser)))


@app.command(help="실행 / run a product")
def run(
    product: Product,
    *,
    brief: Annotated[
        Path, typer.Option(metavar="FILE", help="요청서, YAML이나 JSON / the brief, YAML or JSON")
    ],
    flags: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FLAG=VALUE", help="모드 바꾸기, 여러 번 / a mode switch"),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="M", help="만드는 길, --set mode=M / which of the product's pipelines"
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="모델 묶음: offline, local, cloud / which models"),
    ] = None,
    budget: Budget = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", help="제한 시간, 초 / time limit in seconds")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="결과 폴더 / where to publish")
    ] = None,
    server: Server = None,
    detach: sending.Detach = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    from fabula.cli.running import run_product

    terminal = Terminal(as_json, verbose)
    here = partial(
        run_product,
        terminal,
        product=product,
        brief=brief,
        flags=flags or [],
        mode=mode,
        profile=profile,
        budget=budget,
        timeout_s=timeout,
        out=out,
    )
    there = partial(sending.send_run, detach=detach)
    raise typer.Exit(conduct(terminal, at(server, here, there, detach=detach)))


@app.command(help="멈춘 실행 이어 가기 / go on with a run")
def resume(
    run_id: Run,
    budget: Budget = None,
    server: Server = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    from fabula.cli.running import resume_run

    terminal = Terminal(as_json, verbose)
    here = partial(resume_run, terminal, run_id=run_id, budget=budget)
    raise typer.Exit(conduct(terminal, at(server, here, sending.resume_there)))


@app.command(help="실행 멈추기 / stop a run")
def cancel(run_id: Run, server: Server = None, as_json: AsJson = False) -> None:
    from fabula.cli import remote_views, views

    terminal = Terminal(as_json)
    here = partial(views.cancel, terminal, run_id=run_id)
    raise typer.Exit(conduct(terminal, at(server, here, remote_views.cancel_there)))


@app.command(help="실행 목록 / list the runs")
def runs(
    limit: Annotated[int, typer.Option(metavar="N", help="최근 몇 개 / how many")] = 20,
    as_json: AsJson = False,
) -> None:
    from fabula.cli import views

    terminal = Terminal(as_json)
    raise typer.Exit(conduct(terminal, partial(views.list_all, terminal, limit=limit)))


@app.command(help="실행 하나 보기: 진행, 파일, 사건 / look at a run")
def show(run_id: Run, server: Server = None, as_json: AsJson = False) -> None:
    from fabula.cli import remote_views, views

    terminal = Terminal(as_json)
    here = partial(views.show, terminal, run_id=run_id)
    raise typer.Exit(conduct(terminal, at(server, here, remote_views.show_there)))


@app.command(help="든 비용 / what a run cost")
def cost(run_id: Run, server: Server = None, as_json: AsJson = False) -> None:
    from fabula.cli import remote_views, views

    terminal = Terminal(as_json)
    here = partial(views.cost, terminal, run_id=run_id)
    raise typer.Exit(conduct(terminal, at(server, here, remote_views.cost_there)))


@app.command(help="그래프를 Mermaid로 출력 / print the graph as Mermaid")
def graph(
    product: Product,
    flags: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FLAG=VALUE", help="모드 바꾸기, 여러 번 / a mode switch"),
    ] = None,
) -> None:
    from fabula.cli.running import draw

    terminal = Terminal()
    work = partial(draw, terminal, product=product, flags=flags or [])
    raise typer.Exit(conduct(terminal, work))


for _part in (
    changing,
    deciding,
    estimate,
    compare,
    carrying,
    keys,
    doctor,
    schemas,
    sending,
    serve,
    worker,
):
    _part.add_to(app)


def main() -> None:
    """Run the command line and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            # A terminal without Korean shows question marks; it must not end a run.
            reconfigure(errors="replace")
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        return int(app(standalone_mode=False) or DONE)
    except BrokenPipeError:
        # The reader of a pipe left: no complaint, and nothing for the interpreter to flush.
        sys.stdout = None
        return FAILED
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        terminal = Terminal("--json" in sys.argv)
        terminal.error(
            BadInput("usage", f"wrong command: {message()}", f"명령을 잘못 썼습니다: {message()}")
        )
        terminal.note("쓰는 법: fabula --help", "usage: fabula COMMAND --help")
        return BAD_INPUT
