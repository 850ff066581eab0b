"""One event as one line of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fabula.service.pages.words import EVENT, Words, size, usd
from fabula.store.events import Event
from fabula.store.tables import NANO

LONGEST = 400
SHORTEST_HASH = 12


@dataclass(frozen=True)
class Line:
    """An event: its number, moment, kind, what it says; `nano` is what it cost."""

    seq: int
    at: float
    type: str
    words: Words
    what: str
    text: str
    english: str = ""
    """The text in English, where the event brought both."""
    nano: int = 0
    bad: bool = False


def line_of(event: Event, *, of: str = "") -> Line:
    """Write an event down; `of` is the row that it stands in, which its item need not repeat."""
    note = event.note
    told = _TOLD.get(event.type, _facts if event.type not in EVENT else _reason)
    item = event.item or ""
    try:
        text = told(note)
    except (TypeError, ValueError, KeyError):
        # A node may write an event of any type with a note of its own.
        text = _facts(note)
    return Line(
        seq=event.seq,
        at=event.at,
        type=event.type,
        words=EVENT.get(event.type, Words(event.type, "")),
        what="" if item == of else item,
        text=short(text),
        english=short(str(note["en"])) if "en" in note and "ko" in note else "",
        nano=_nano(note.get("cost")) if event.type == "cost" else 0,
        bad=event.type in ("step.failed", "run.failed", "provider_away"),
    )


def short(text: str) -> str:
    """Cut a text to what a line takes."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST]}…"


def _nano(usd_: Any) -> int:
    return round(usd_ * NANO) if isinstance(usd_, int | float) else 0


def _reason(note: Mapping[str, Any]) -> str:
    known = ("source", "section_id", "template_id", "ko", "reason")
    said = [str(note[name]) for name in known if note.get(name)]
    return ": ".join(said) if said else _facts(note)


def _facts(note: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_plain(value)}" for name, value in note.items())


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _queued(note: Mapping[str, Any]) -> str:
    return " · ".join(
        str(note[name]) for name in ("product", "queue", "mode", "parent") if note.get(name)
    )


def _estimate(note: Mapping[str, Any]) -> str:
    expected, most = (usd(_nano(note.get(name))) for name in ("cost", "cost_most"))
    calls = f"{note.get('calls', 0):g}–{note.get('calls_most', 0)}회"
    blind = " · 글을 읽기 전의 어림 (posts not read)" if note.get("assumptions") else ""
    return f"{expected}, 많아야 {most} (≤) · {calls}{blind}"


def _models(note: Mapping[str, Any]) -> str:
    by_model: dict[str, list[str]] = {}
    for agent, model in note.items():
        by_model.setdefault(str(model), []).append(agent.rpartition(".")[2])
    return " · ".join(f"{model} ← {', '.join(agents)}" for model, agents in by_model.items())


def _resumed(note: Mapping[str, Any]) -> str:
    said = [f"{note['part']}부"] if note.get("part", 1) != 1 else []
    if note.get("taken_over"):
        said.append("다른 프로세스에서 이어받음 (taken over)")
    if note.get("in_doubt_calls"):
        most = usd(_nano(note.get("in_doubt")))
        said.append(f"확인하지 못한 호출 {note['in_doubt_calls']}번 ≤ {most} (in doubt)")
    return ", ".join(said)


def _decided(note: Mapping[str, Any]) -> str:
    return f"{note.get('ask', '')}: {_plain(note.get('answer', ''))}"


def _ended(note: Mapping[str, Any]) -> str:
    said = [str(note[name]) for name in ("outcome", "ko") if note.get(name)]
    return " · ".join(said)


def _finished(note: Mapping[str, Any]) -> str:
    counted = note.get("steps") or note
    return f"{counted['done']}/{counted.get('total', '?')}" if "done" in counted else ""


def _part(note: Mapping[str, Any]) -> str:
    return f"{note.get('part')}/{note['total']}부" if note.get("total") else f"{note.get('part')}부"


def _failed(note: Mapping[str, Any]) -> str:
    return f"{note.get('code', '')}: {note.get('reason', '')}"


def _cost(note: Mapping[str, Any]) -> str:
    tokens = f"{note.get('input_tokens', 0):,} → {note.get('output_tokens', 0):,}"
    return f"{usd(_nano(note.get('cost')))} · {note.get('model', '')} · {tokens} tokens"


def _artifact(note: Mapping[str, Any]) -> str:
    kind = str(note.get("media_type", "")).partition(";")[0]
    return f"{size(int(note.get('size', 0)))} · {kind} · {str(note.get('hash'))[:SHORTEST_HASH]}"


def _away(note: Mapping[str, Any]) -> str:
    billed = ", 청구됐을 수 있음 (maybe billed)" if note.get("maybe_billed") else ""
    return f"{note.get('model', '')} · {note.get('code')} · {note.get('try')}번째{billed}"


def _switched(note: Mapping[str, Any]) -> str:
    return f"{note.get('agent')}: {note.get('from')} → {note.get('to')} ({note.get('reason', '')})"


_TOLD: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "run.queued": _queued,
    "run.started": _queued,
    "run.estimate": _estimate,
    "run.models": _models,
    "run.resumed": _resumed,
    "run.decided": _decided,
    "run.waiting": _ended,
    "run.succeeded": _ended,
    "run.failed": _ended,
    "run.cancelled": _ended,
    "run.timed_out": _ended,
    "run.over_budget": _ended,
    "run.page": lambda note: str(note.get("url", "")),
    "run.part": _part,
    "step.started": lambda note: f"시도 {note['attempt'] + 1}" if note.get("attempt") else "",
    "step.finished": _finished,
    "step.failed": _failed,
    "cost": _cost,
    "artifact": _artifact,
    "published": lambda note: f"파일 {len(note.get('files', ()))}개",
    "provider_away": _away,
    "model_switched": _switched,
    "kept": lambda note: f"문서 {note.get('count', 0)}개",
}
