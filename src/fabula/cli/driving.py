"""Run and resume from the command line, and say how it ended and what to type next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabula.cli.edge import (
    BAD_INPUT,
    DONE,
    FAILED,
    INTERRUPTED,
    exit_code_of,
    interruptible,
    log_file,
    shown,
)
from fabula.cli.terminal import Terminal, usd
from fabula.cli.watching import Watcher
from fabula.errors import BadInput, FabulaError, KeyMissing

if TYPE_CHECKING:
    from fabula.runs import Runner, RunResult
    from fabula.settings import Settings
    from fabula.store.ports import Artifact

Start = Callable[["Runner"], Awaitable["RunResult"]]
BAD_INPUT_CODES = (BadInput.code, KeyMissing.code, "missing_extra")
MORE_BUDGET = 2
"""How much more than the old budget is suggested where it was too small."""


@dataclass(frozen=True)
class Driven:
    """A run as it stands after this command, and the command's exit code."""

    result: RunResult | None
    code: int


async def drive(
    terminal: Terminal, settings: Settings, run_id: str, start: Start, *, fresh: bool
) -> Driven:
    """Start a run or go on with one, watched and interruptible; report how it ended.

    `fresh`: the run's id is new, so a refusal leaves nothing behind.
    """
    from fabula.runs import Runner

    interrupted = False
    with Watcher(terminal, run_id) as watcher:
        runner = Runner(settings, listener=watcher.see)

        def on_interrupt() -> None:
            watcher.stop()
            terminal.note(
                "멈추는 중: 진행 중인 호출의 답을 적고 끝냅니다. 한 번 더 누르면 바로 끝납니다",
                "stopping: calls in flight are recorded first; press again to end at once",
            )

        async def begin() -> RunResult:
            return await start(runner)

        try:
            result = await interruptible(begin(), on_interrupt)
        except asyncio.CancelledError:
            interrupted = True
            found = await _look(runner, run_id)
            if found is None:
                return _nothing_started(terminal)
            result = found
        except FabulaError as error:
            terminal.error(error, run_id=None if fresh else run_id)
            return Driven(None, exit_code_of(error))
    await report(terminal, runner, result)
    return Driven(result, INTERRUPTED if interrupted else exit_code(result))


def exit_code(result: RunResult) -> int:
    """Return 0 for a success, 2 for what a person handed in wrong, 1 for the rest."""
    if result.succeeded:
        return DONE
    return BAD_INPUT if result.code in BAD_INPUT_CODES else FAILED


async def report(terminal: Terminal, runner: Runner, result: RunResult) -> None:
    """Say how a run stands; under `--json` as its one object."""
    if terminal.as_json:
        terminal.answer(result.as_json())
    if result.succeeded:
        report_success(terminal, result)
        return
    ko, en = STATUS[result.status]
    terminal.fact(ko, en, result.run_id, style="yellow")
    if result.code == "bug":
        error = result.error or RuntimeError(result.message.get("en", "bug"))
        terminal.bug(error, shown(log_file(runner.settings)))
    elif result.message:
        terminal.note(result.message.get("ko", ""), result.message.get("en", ""))
    terminal.fact("비용", "cost", f"{usd(result.cost)}, {result.calls} calls")
    await _say_next(terminal, runner, result)


STATUS = {
    "queued": ("쉬는 중", "resting"),
    "running": ("실행 중", "running"),
    "waiting": ("결정을 기다림", "waiting for a decision"),
    "succeeded": ("완료", "done"),
    "failed": ("실패", "failed"),
    "cancelled": ("취소됨", "cancelled"),
    "timed_out": ("제한 시간 초과", "timed out"),
    "over_budget": ("예산에서 멈춤", "stopped at the budget"),
}


def report_success(terminal: Terminal, result: RunResult) -> None:
    """Say what a run that succeeded has made, and where it is."""
    degraded = result.outcome == "degraded"
    if degraded:
        terminal.note(
            "완료(일부 자리는 비어 있음): 쓰지 못한 부분을 표시해 두었습니다",
            "done, degraded: what could not be written is marked in the result",
            style="yellow",
        )
    mark = f" ({result.outcome})" if result.outcome else ""
    terminal.say(f"완료 / done{mark}: {result.run_id}", style=None if degraded else "green")
    terminal.say(f"비용 / cost: {usd(result.cost)}, {result.calls} calls")
    # What was made elsewhere is at an address.
    folder = result.out if "://" in result.out else shown(Path(result.out))
    terminal.say(f"폴더 / folder: {folder}")
    published = in_folder(result)
    for name, size in _files(published):
        terminal.say(f"  {size:>9,}  {name}")
    stored = [one for one in result.artifacts if one not in published]
    if stored:
        size, count = sum(one.size for one in stored), len(stored)
        terminal.say(f"  {size:>9,}  보관만 함 / stored, not in the folder ({count})")


def in_folder(result: RunResult) -> list[Artifact]:
    """Return the artifacts that the run has published; it keeps more than those."""
    return [one for one in result.artifacts if one.name in result.published]


def _files(artifacts: Sequence[Artifact]) -> list[tuple[str, int]]:
    """Return names and sizes in bytes; a folder's files are counted together."""
    files, folders = [], dict[str, list[int]]()
    for artifact in artifacts:
        folder, slash, _ = artifact.name.partition("/")
        if slash:
            folders.setdefault(folder, []).append(artifact.size)
        else:
            files.append((artifact.name, artifact.size))
    counted = [(f"{name}/ ({len(sizes)})", sum(sizes)) for name, sizes in folders.items()]
    return files + counted


async def _say_next(terminal: Terminal, runner: Runner, result: RunResult) -> None:
    """Name the next command to type."""
    command = f"fabula resume {result.run_id}"
    if result.status == "waiting":
        terminal.fact("다음", "next", f"fabula decide {result.run_id} --answer …")
        return
    row = await _row(runner, result.run_id)
    if result.code == "gate_failed":
        terminal.fact("다음", "next", f"fabula run {result.product} --brief …")
        return
    if result.status == "over_budget" and row.budget:
        from fabula.store.ledger import typed_budget

        needed = (row.reason or {}).get("needed", "0")
        more = typed_budget(row.budget * MORE_BUDGET)
        command += f" --budget {max(more, needed, key=float)}"
    if result.status == "queued" and row.not_before:
        due = f"{datetime.fromtimestamp(row.not_before).astimezone():%H:%M:%S}"
        terminal.note(f"{due} 뒤에 이어서 실행하세요", f"the provider is down; resume after {due}")
    if result.code == BadInput.code:
        terminal.note("입력을 고치고 새로 실행하세요", "put the input right and start a new run")
        return
    terminal.fact("다음", "next", command)


def _nothing_started(terminal: Terminal) -> Driven:
    ko, en = "시작하기 전에 멈췄습니다", "stopped before anything was started"
    terminal.note(ko, en)
    if terminal.as_json:
        message = {"en": en, "ko": ko}
        terminal.answer(
            {
                "run_id": None,
                "status": "cancelled",
                "code": "cancelled",
                "message": message,
                "cost": 0.0,
                "artifacts": [],
            }
        )
    return Driven(None, INTERRUPTED)


async def _look(runner: Runner, run_id: str) -> RunResult | None:
    try:
        return await runner.show(run_id)
    except BadInput:
        return None


async def _row(runner: Runner, run_id: str) -> Any:
    from fabula.store.runs import get_run

    async with runner.store() as store:
        return await get_run(store, run_id)
