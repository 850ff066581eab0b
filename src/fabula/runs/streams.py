"""Turn LangGraph's task stream, and after a takeover its checkpoints, into step events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fabula.errors import Drained
from fabula.runs.progress import Progress
from fabula.runs.recorder import Recorder
from fabula.store.events import Event

Note = Callable[[str, int], Mapping[str, Any]]
"""What the answers used for an item's attempt cost."""


class StepEvents:
    """The `step.*` events of one run, each task's phase once.

    A task's phases are `start`, `finish` and `error`, keyed by LangGraph's own task id, which
    stays the same when a task is run again after a crash.
    """

    def __init__(self, recorder: Recorder, progress: Progress, note: Note) -> None:
        self._recorder = recorder
        self._progress = progress
        self._note = note
        self._started: dict[str, tuple[str, int]] = {}

    def see(self, chunk: Mapping[str, Any]) -> None:
        """Take one chunk of the stream modes `tasks` and `custom`, version 2."""
        data = chunk["data"]
        if chunk["type"] == "custom":
            self._fact(data)
        elif "triggers" in data:
            self._started[data["id"]] = item_of(data["input"], data["name"])
            self._add("start", data["id"], data["name"], self._started[data["id"]], {})
        elif data.get("interrupts"):
            # It waits for a person: its finish comes when the run goes on.
            return
        elif isinstance(data["error"], Drained):
            # Nor has it failed: another process does it again.
            return
        elif data["error"] is not None:
            self._add("error", data["id"], data["name"], self._item(data), _failure(data["error"]))
        else:
            self.finish(data["id"], data["name"], self._item(data), data["result"])

    def finish(
        self, task: str, step: str, item: tuple[str, int], result: Mapping[str, Any] | None
    ) -> None:
        """Record that a task finished."""
        self._progress.finish(step)
        self._progress.see_slots((result or {}).get("items") or {})
        note = {**self._note(*item), **self._progress.note()}
        self._add("finish", task, step, item, note)

    async def close_open_tasks(self, graph: Any, config: Any, stored: Sequence[Event]) -> None:
        """After a takeover: finish, from the checkpoints, each task whose finish is missing."""
        finished = {event.step for event in stored if event.phase == "finish" and event.step}
        ended = {event.task for event in stored if event.phase == "finish"}
        missing = {event.task: event for event in stored if event.phase == "start"}
        missing = {task: event for task, event in missing.items() if task not in ended}
        newest = True
        slots: Mapping[str, Any] = {}
        found: list[tuple[Event, Mapping[str, Any] | None]] = []
        async for snapshot in graph.aget_state_history(config):
            if newest:
                slots = (snapshot.values or {}).get("items") or {}
            for task in snapshot.tasks:
                event = missing.get(task.id)
                if event and (task.result is not None or not newest):
                    found.append((event, task.result))
            newest = False
        self._progress.resume_from(finished, slots)
        for event, result in reversed(found):
            assert event.task is not None and event.step is not None  # noqa: S101, PT018
            attempt = int(event.note.get("attempt", 0))
            self.finish(event.task, event.step, (event.item or event.step, attempt), result)

    def _item(self, data: Mapping[str, Any]) -> tuple[str, int]:
        return self._started.get(data["id"], (str(data["name"]), 0))

    def _add(
        self, phase: str, task: str, step: str, item: tuple[str, int], note: Mapping[str, Any]
    ) -> None:
        types = {"start": "step.started", "finish": "step.finished", "error": "step.failed"}
        name, attempt = item
        self._recorder.add(
            Event(
                type=types[phase],
                step=step,
                item=name if name != step else None,
                status={"start": "running", "finish": "done", "error": "failed"}[phase],
                task=task,
                phase=phase,
                note={**({"attempt": attempt} if name != step else {}), **note},
            )
        )

    def _fact(self, data: Any) -> None:
        if not isinstance(data, Mapping) or "type" not in data:
            return
        known = ("type", "step", "item", "status")
        self._recorder.add(
            Event(
                type=str(data["type"]),
                step=data.get("step"),
                item=data.get("item"),
                status=data.get("status"),
                note={key: value for key, value in data.items() if key not in known},
            )
        )


def item_of(state: Any, step: str) -> tuple[str, int]:
    """Return a task's item and attempt: its slot's, or the step itself."""
    slot = state.get("slot") if isinstance(state, Mapping) else None
    return (slot["id"], slot["attempt"]) if slot else (step, 0)


def _failure(error: object) -> dict[str, str]:
    code = getattr(error, "code", None) or type(error).__name__
    return {"code": str(code), "reason": str(error)[:500]}
