"""`fabula export` and `fabula replay`: a run as one file, and run again for nothing."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fabula.cli.edge import DONE, FAILED, conduct, ready_folder, shown
from fabula.cli.terminal import Terminal

if TYPE_CHECKING:
    from fabula.runs import Replayed
    from fabula.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="JSON 하나를 출력 / print one JSON value")]


def add_to(app: typer.Typer) -> None:
    """Put the commands on the command line."""

    @app.command(help="실행 하나를 파일 하나로 내보내기 / write a run as one archive")
    def export(
        run_id: Annotated[str, typer.Argument(metavar="RUN", help="실행 번호 / the run's id")],
        out: Annotated[
            Path | None, typer.Option(metavar="FILE.zip", help="둘 파일, 기본 RUN.zip / the file")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        terminal = Terminal(as_json)
        work = partial(export_run, terminal, run_id=run_id, out=out)
        raise typer.Exit(conduct(terminal, work))

    @app.command(help="기록만으로 다시 실행, 비용 없음 / run again from the record, free")
    def replay(
        source: Annotated[
            str,
            typer.Argument(metavar="RUN|FILE.zip", help="실행 번호나 내보낸 파일 / run or file"),
        ],
        out: Annotated[
            Path | None, typer.Option(metavar="DIR", help="결과 폴더 / where to publish")
        ] = None,
        digest: Annotated[
            str | None,
            typer.Option(metavar="D", help="export가 알려 준 요약값 / what export printed"),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        terminal = Terminal(as_json)
        work = partial(replay_run, terminal, source=source, out=out, digest=digest)
        raise typer.Exit(conduct(terminal, work))


async def export_run(
    terminal: Terminal, settings: Settings, *, run_id: str, out: Path | None
) -> int:
    """Write the archive and say how to replay it."""
    from fabula.runs import Runner
    from fabula.runs.records.carrying import digest_of

    file = await Runner(settings).export(run_id, out or Path(f"{run_id}.zip"))
    size = (await asyncio.to_thread(file.stat)).st_size
    digest = await asyncio.to_thread(digest_of, file)
    if terminal.as_json:
        terminal.answer({"run_id": run_id, "file": str(file), "size": size, "digest": digest})
    else:
        terminal.say(f"내보냄 / exported: {shown(file)} ({size:,} B)")
        terminal.say(f"요약값 / digest: {digest}")
        terminal.fact("다음", "next", f"fabula replay {shown(file)} --digest {digest}")
    return DONE


async def replay_run(
    terminal: Terminal, settings: Settings, *, source: str, out: Path | None, digest: str | None
) -> int:
    """Replay, and say of each file whether it has the bytes that the run published."""
    from fabula.runs import Runner

    if out is not None:
        await asyncio.to_thread(ready_folder, out)
    done = await Runner(settings).replay(source, out=out, digest=digest)
    if terminal.as_json:
        terminal.answer(done.as_json())
    else:
        _show(terminal, done)
    return DONE if done.same else FAILED


def _show(terminal: Terminal, done: Replayed) -> None:
    for file in done.files:
        mark = "같음 / same" if file.same else "다름 / differs"
        terminal.say(f"  {mark:16} {file.size:>9,}  {file.name}")
    used = f"{done.answers_used}/{done.answers_recorded}"
    terminal.say(f"기록된 답 / recorded answers: {used}, 비용 / cost: 0 USD")
    if done.out:
        terminal.say(f"폴더 / folder: {shown(Path(done.out))}")
    if done.same:
        again, stored = len(done.files), len(done.stored)
        terminal.say(
            f"파일 {again + stored}개 가운데 다시 만든 {again}개가 그때와 같습니다"
            f"(보관만 된 {stored}개는 견주지 않음) / {again} of {again + stored} files were made "
            f"again and have the same bytes ({stored} only stored, not compared)",
            style="green",
        )
    else:
        terminal.note(
            "그때와 다른 파일이 있습니다", "some files differ from the run's", style="red"
        )
