"""Events as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fabula.store.events import Event

RETRY = b"retry: 1000\n\n"
HEARTBEAT = b": still here\n\n"
CLOSING = b": the server is closing; attach again\n\n"


def event_fields(event: Event) -> dict[str, Any]:
    """Return what is told of an event; `at` is in seconds since 1970."""
    fields = {
        "seq": event.seq,
        "type": event.type,
        "at": round(event.at, 3),
        "step": event.step,
        "item": event.item,
        "status": event.status,
        "note": dict(event.note),
    }
    return {name: value for name, value in fields.items() if value not in (None, {})}


def frame_of(event: Event) -> bytes:
    """Return an event's frame; its number is the frame's id."""
    return _frame(event.type, event_fields(event), id_=event.seq)


def gap_frame(first: int, last: int) -> bytes:
    """Say that the events from one number to another are not there any more."""
    return _frame("gap", {"from": first, "to": last})


def end_frame(run: str, status: str, code: str | None, seq: int) -> bytes:
    """Say how the run ended; nothing follows."""
    return _frame("end", {"run_id": run, "status": status, "code": code, "seq": seq})


def _frame(type_: str, data: Mapping[str, Any], *, id_: int | None = None) -> bytes:
    number = f"id: {id_}\n" if id_ is not None else ""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    name = "".join(type_.splitlines())
    return f"{number}event: {name}\ndata: {text}\n\n".encode("utf-8", "replace")
