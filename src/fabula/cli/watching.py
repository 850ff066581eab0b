"""Show a run while it runs: a progress bar, and a line for each fact worth knowing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fabula.cli.terminal import Terminal, usd

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from fabula.store.events import Event

MOST_REASON = 200
# As the store has them, which would load SQLAlchemy before anything is asked.
PROGRESSES = ("step.finished", "run.part")
PLAIN_STEPS = 10
"""Without a terminal, progress is told after each tenth of the work."""


class Watcher:
    """A run's listener, used as a context manager around the run."""

    def __init__(self, terminal: Terminal, run_id: str) -> None:
        self._terminal = terminal
        self._run_id = run_id
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._spent = 0.0
        self._told = 0
        self._begun = False

    def __enter__(self) -> Self:
        console = self._terminal.console(stderr=True)
        if console.is_terminal:
            self._bar = _progress_bar(console)
            self._task = self._bar.add_task("…", total=None, eta="", cost="")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away; lines are still written."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def see(self, event: Event) -> None:
        """Take one stored event."""
        if event.type == "cost":
            self._spent = float(event.note.get("total", self._spent))
        elif event.type in ("run.started", "run.resumed"):
            self._begin(event)
        elif event.type == "step.started" and self._bar and self._task is not None:
            self._bar.update(self._task, description=event.item or event.step or "")
        elif event.type in PROGRESSES:
            self._advance(event)
        elif line := line_of(event):
            self._note(line, line)

    def _begin(self, event: Event) -> None:
        known = ("taken_over", "in_doubt_calls")
        if self._begun and event.note.get("part", 1) > 1 and not any(map(event.note.get, known)):
            # It only goes on with its next part.
            return
        self._begun = True
        product = event.note.get("product")
        name = f"실행 / run: {self._run_id}" + (f" · {product}" if product else "")
        self._note(name, name)
        if event.type == "run.resumed":
            self._note(*in_doubt_line(event.note))

    def _advance(self, event: Event) -> None:
        done, total = event.note.get("done"), event.note.get("total")
        if not isinstance(done, int) or not isinstance(total, int | None) or total == 0:
            return
        part_ended = event.type == "run.part"
        name = f"부분 / part {event.note['part']}" if part_ended else event.item or event.step or ""
        eta = _seconds(event.note.get("eta_s")) if done != total else ""
        if self._bar and self._task is not None:
            self._bar.update(
                self._task,
                completed=done,
                total=total,
                description=name,
                eta=f"ETA {eta}" if eta else "",
                cost=usd(self._spent),
            )
            return
        # Of parts whose number nobody knows, each is told.
        tenth = done * PLAIN_STEPS // total if total else done
        if tenth != self._told or done == total:
            self._told = tenth
            left = f", ETA {eta}" if eta else ""
            text = f"[{done}/{total or '?'}] {name}, {usd(self._spent)}{left}"
            self._note(text, text)

    def _note(self, ko: str, en: str) -> None:
        if self._bar:
            from fabula.cli.terminal import both

            self._bar.console.print(self._terminal.clean(both(ko, en)), soft_wrap=True)
        else:
            self._terminal.note(ko, en)


def line_of(event: Event) -> str | None:
    """Return the line that a notice deserves; None for quiet events."""
    if event.type == "step.failed":
        # Its reason is told once, at the run's end.
        return f"단계 실패 / step failed: {event.item or event.step} ({event.note.get('code')})"
    if event.type == "run.estimate" and event.note.get("cost_most"):
        expected, most = (usd(round(float(event.note[key]), 6)) for key in ("cost", "cost_most"))
        blind = " (글을 읽기 전의 어림 / the posts were not read)"
        told = f"예상 / expected: {expected}, 많아야 / at most: {most}"
        return told + blind if event.note.get("assumptions") else told
    if event.type.partition(".")[0] in ("step", "run") or event.type in (
        "artifact",
        "cost",
        "kept",
        "published",
    ):
        return None
    note = event.note
    if event.type == "model_switched":
        note = {**note, "source": f"{note.get('agent')}: {note.get('from')} → {note.get('to')}"}
    if event.type not in _NAMES:
        facts = " ".join(f"{key}={_short(value)}" for key, value in note.items())
        return " ".join(part for part in (event.type, event.item, facts) if part)
    what = event.item or note.get("source") or note.get("section_id") or note.get("template_id")
    return f"{_NAMES[event.type]}: {what}: {_short(note.get('reason', ''))}"


def in_doubt_line(note: Mapping[str, Any]) -> tuple[str, str]:
    """Say what calls that were in flight at a crash may have cost."""
    calls, most = int(note.get("in_doubt_calls", 0)), usd(float(note.get("in_doubt", 0)))
    if not calls:
        return "답을 확인하지 못한 호출은 없습니다", "no call is in doubt"
    return (
        f"답을 확인하지 못한 호출 {calls}번, 많아야 {most}",
        f"calls in doubt: {calls}, {most} at most",
    )


def _progress_bar(console: Any) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Column

    return Progress(
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(width=26, no_wrap=True, overflow="ellipsis"),
        ),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[eta]}", markup=False),
        TextColumn("{task.fields[cost]}", markup=False),
        console=console,
        transient=True,
    )


_NAMES = {
    "template_fallback": "기본 틀로 바꿈 / template fallback",
    "source_refused": "쓰지 못한 글 / source refused",
    "picture_refused": "쓰지 못한 그림 / picture refused",
    "link_refused": "쓰지 못한 주소 / link refused",
    "date_refused": "쓰지 못한 날짜 / date refused",
    "front_matter_repaired": "고쳐 읽은 앞머리 / front matter repaired",
    "feed_repaired": "고쳐 읽은 피드 / feed repaired",
    "id_changed": "바꾼 id / id changed",
    "source_excerpted": "골라 쓴 긴 글 / long post excerpted",
    "source_decoded": "다른 인코딩 / other encoding",
    "passed_over": "지나간 파일 / passed over",
    "rewrite": "다시 씀 / written again",
    "placeholder": "자리만 남김 / placeholder",
    "fault": "규칙에 어긋남 / rule broken",
    "section_type_changed": "섹션 종류를 바꿈 / section type changed",
    "polish_refused": "되돌린 다듬기 / polish refused",
    "rewrite_refused": "되돌린 다시 쓰기, 앞의 글이 남음 / rewrite refused, the old text stays",
    "model_switched": "모델을 바꿈 / model switched",
}


def _short(value: object) -> str:
    text = str(value).replace("\n", " ")
    return text if len(text) <= MOST_REASON else f"{text[:MOST_REASON]}…"


def _seconds(eta: object) -> str:
    if not isinstance(eta, int | float):
        return ""
    minutes, seconds = divmod(math.ceil(eta), 60)
    return f"{minutes}:{seconds:02d}"
