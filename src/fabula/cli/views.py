"""Look at runs: the list, one run, its money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabula.cli.driving import STATUS, exit_code, in_folder, report
from fabula.cli.edge import DONE, shown
from fabula.cli.estimate import show_error
from fabula.cli.terminal import Terminal, table_of, usd
from fabula.cli.watching import PROGRESSES, line_of
from fabula.errors import BadInput
from fabula.korean.particles import attach

if TYPE_CHECKING:
    from fabula.runs import RunResult
    from fabula.settings import Settings
    from fabula.store.events import Event

ENDED = ("succeeded", "failed", "cancelled", "timed_out", "over_budget")

NOT_BEGUN: Mapping[str, Any] = {
    "unit": "steps",
    "done": 0,
    "total": None,
    "eta_s": None,
    "steps": None,
}
"""The progress of a run that has not done anything yet."""


async def list_all(terminal: Terminal, settings: Settings, limit: int) -> int:
    """Show the newest runs first."""
    from fabula.runs import Runner

    if limit < 1:
        raise BadInput("--limit", f"got {limit}, wanted 1 or more", "1 이상이어야 합니다")
    found = await Runner(settings).runs(limit)
    if terminal.as_json:
        terminal.answer([one.as_json() for one in found])
    elif not found:
        terminal.say("아직 실행이 없습니다 / no runs yet: fabula demo")
    else:
        table = table_of("실행 / run", "제품", "상태 / status", "비용 / cost", right=(3,))
        for one in found:
            table.add_row(one.run_id, one.product, _status(one), usd(one.cost))
        terminal.console().print(table)
    return DONE


async def show(terminal: Terminal, settings: Settings, run_id: str) -> int:
    """Show how one run stands, its files and its events."""
    from fabula.runs import Runner
    from fabula.store.events import list_events
    from fabula.store.runs import get_run, lease_left

    runner = Runner(settings)
    result = await runner.show(run_id)
    async with runner.store() as store:
        row = await get_run(store, run_id)
        events = await list_events(store, run_id)
        alive = row.worker is not None and await lease_left(store, run_id) > 0
    orphaned = result.status == "running" and not alive
    show_result(
        terminal,
        result,
        progress=progress_of(events),
        events=events,
        details={"profile": row.profile, "created_at": row.created_at},
        hint=f"실행하던 프로세스가 없습니다 / nobody runs it: fabula resume {run_id}"
        if orphaned
        else None,
    )
    return DONE


def show_result(
    terminal: Terminal,
    result: RunResult,
    *,
    progress: Mapping[str, Any],
    events: Sequence[Event],
    details: Mapping[str, Any],
    server: str | None = None,
    hint: str | None = None,
) -> None:
    """Show how a run stands, its files and these events; `details` go into the JSON alone."""
    if terminal.as_json:
        more = {**details, "progress": progress, "events": [_plain(event) for event in events]}
        terminal.answer({**result.as_json(), **more})
        return
    _head(terminal, result, progress, server)
    if hint:
        terminal.say(f"  {hint}")
    for name in ("ko", "en"):
        if name in result.message:
            terminal.say(f"  {result.message[name]}")
    _show_artifacts(terminal, result)
    if events:
        _show_events(terminal, events)


async def cost(terminal: Terminal, settings: Settings, run_id: str) -> int:
    """Show what a run cost, by agent."""
    from fabula.runs import Runner
    from fabula.runs.report import cost_report

    async with Runner(settings).store() as store:
        sums = await cost_report(store, run_id)
    show_cost(terminal, sums)
    return DONE


def show_cost(terminal: Terminal, sums: Mapping[str, Any]) -> None:
    """Show a run's money."""
    if terminal.as_json:
        terminal.answer(sums)
        return
    table = table_of("에이전트 / agent", "호출", "토큰 in → out", "비용 / cost", right=(1, 2, 3))
    for line in sums["agents"]:
        tokens = f"{line['input_tokens']:,} → {line['output_tokens']:,}"
        table.add_row(line["agent"], str(line["calls"]), tokens, usd(line["cost"]))
    terminal.console().print(table)
    if sums["estimate"]:
        show_error(terminal, sums["estimate"], resumes=sum(sums.get("granted", {}).values()))
    budget = "없음 / none" if sums["budget"] is None else usd(sums["budget"])
    terminal.say(f"합계 / total: {usd(sums['cost'])}, {sums['calls']} calls")
    terminal.say(f"예산 / budget: {budget}")
    if sums["in_doubt_calls"]:
        most = usd(sums["in_doubt"])
        terminal.say(f"확인하지 못한 호출 / in doubt: {sums['in_doubt_calls']}, ≤ {most}")


async def cancel(terminal: Terminal, settings: Settings, run_id: str) -> int:
    """Ask a run to stop."""
    from fabula.runs import Runner

    runner = Runner(settings)
    check_cancellable(run_id, (await runner.show(run_id)).status)
    result = await runner.cancel(run_id)
    if result.status == "cancelled":
        await report(terminal, runner, result)
    else:
        say_asked_to_stop(terminal, result)
    return DONE


def check_cancellable(run_id: str, status: str) -> None:
    """Refuse to cancel what has ended in another way."""
    if status in ENDED and status != "cancelled":
        raise BadInput(
            "run",
            f"`{run_id}` has ended already ({status}): there is nothing to cancel",
            f"{attach(f'`{run_id}`', '는')} 이미 끝났습니다({status}). 취소할 것이 없습니다",
        )


def say_asked_to_stop(terminal: Terminal, result: RunResult) -> None:
    """Say that a run will stop."""
    terminal.note(
        "취소를 요청했습니다. 진행 중인 호출의 답을 적고 멈춥니다",
        "asked to stop; calls in flight are recorded first",
    )
    if terminal.as_json:
        terminal.answer(result.as_json())


def progress_of(events: Sequence[Event]) -> dict[str, Any]:
    """Return how far a run has come by its events, as a service says it."""
    for event in reversed(events):
        if event.type in PROGRESSES and "done" in event.note:
            return {key: event.note.get(key, unknown) for key, unknown in NOT_BEGUN.items()}
    return dict(NOT_BEGUN)


def _head(
    terminal: Terminal, result: RunResult, progress: Mapping[str, Any], server: str | None
) -> None:
    there = f" --server {server}" if server else ""
    terminal.say(f"{result.run_id} · {result.product} · {_status(result)}", style="bold")
    if result.change:
        terminal.say(f"  {result.parent}의 변경 / a change of it: {result.change}")
    done, total, steps = (progress[key] for key in ("done", "total", "steps"))
    counted = " 부분 / parts" if progress["unit"] == "parts" else ""
    here = f", 이 부분의 단계 / its steps: {steps['done']}/{steps['total']}" if steps else ""
    terminal.say(f"  진행 / progress: {done}/{total if total is not None else '?'}{counted}{here}")
    terminal.say(f"  비용 / cost: {usd(result.cost)}, {result.calls} calls")
    if result.in_doubt:
        terminal.say(f"  확인하지 못한 비용 / in doubt: ≤ {usd(result.in_doubt)}")
    terminal.say(f"  폴더 / folder: {result.out if server else shown(Path(result.out))}")
    if result.status == "waiting":
        terminal.say(f"  답하기 / answer: fabula decide {result.run_id} --answer …{there}")
    if exit_code(result) != DONE and result.status in ENDED and result.code != "gate_failed":
        terminal.say(f"  이어서 / go on: fabula resume {result.run_id}{there}")


def _show_artifacts(terminal: Terminal, result: RunResult) -> None:
    if not result.artifacts:
        return
    table = table_of("파일 / file", "종류 / type", "바이트", "sha256", right=(2,))
    published = in_folder(result)
    for one in result.artifacts:
        kind = one.media_type.partition(";")[0]
        mark = "" if one in published else " *"
        table.add_row(terminal.clean(one.name) + mark, kind, f"{one.size:,}", one.hash[:12])
    terminal.console().print(table)
    if len(published) < len(result.artifacts):
        terminal.say("  * 보관만 함 / stored, not in the folder")


def _show_events(terminal: Terminal, events: Sequence[Event]) -> None:
    table = table_of("#", "시각", "사건 / event", "단계 / step", "내용 / note", right=(0,))
    for event in events:
        at = f"{datetime.fromtimestamp(event.at).astimezone():%H:%M:%S}"
        name, note = event.item or event.step or "", _note(event)
        table.add_row(str(event.seq), at, event.type, terminal.clean(name), terminal.clean(note))
    terminal.console().print(table)


def _note(event: Event) -> str:
    note = event.note
    if event.type == "cost":
        return f"{usd(float(note.get('cost', 0)))} {note.get('model', '')}"
    if event.type in PROGRESSES:
        counted = note.get("steps") or note
        return f"{counted.get('done')}/{counted.get('total') or '?'}"
    if event.type == "artifact":
        return f"{note.get('size', 0):,} B"
    line = line_of(event)
    if line and event.type != "step.failed":
        return line
    known = ("ko", "reason", "product", "outcome", "code", "granted")
    return " ".join(str(note[key]) for key in known if note.get(key))


def _status(result: RunResult) -> str:
    ko, en = STATUS[result.status]
    detail = result.outcome if result.succeeded else result.code
    shown_detail = f" ({detail})" if detail and detail not in ("complete", result.status) else ""
    return f"{ko} / {en}{shown_detail}"


def _plain(event: Event) -> dict[str, Any]:
    return {key: value for key, value in asdict(event).items() if value is not None}
