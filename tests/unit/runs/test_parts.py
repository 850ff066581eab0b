from __future__ import annotations

import pytest

from fabula.runs.parts import Parts, worked
from fabula.runs.progress import Progress
from fabula.store.events import Event


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_pace_of_the_parts_done_tells_the_rest() -> None:
    parts = Parts(part=4, done=3, total=20, worked_s=30.0)
    assert parts.note(0.0) == {"done": 3, "total": 20, "eta_s": 170.0, "unit": "parts"}
    # What is done of the part at hand is not left; a slow part is still not done.
    assert parts.note(4.0)["eta_s"] == 166.0
    assert parts.note(400.0, undone=0.5)["eta_s"] == 165.0
    assert Parts(20, 19, 20, worked_s=190.0).note(400.0, undone=0.5)["eta_s"] == 5.0


@pytest.mark.parametrize(
    "parts",
    [
        Parts(part=1, done=0, total=20),
        Parts(part=4, done=3, total=None, worked_s=30.0),
        Parts(part=4, done=3, total=20, worked_s=None),
    ],
)
def test_what_cannot_be_known_is_not_told(parts: Parts) -> None:
    assert parts.note(5.0)["eta_s"] is None


def test_the_end_of_a_part_counts_what_earlier_executions_did() -> None:
    parts = Parts(part=4, done=3, total=20, worked_s=30.0, begun_s=6.0)
    ended = parts.ended(4.0, more=True)
    assert ended == {
        "part": 4,
        "done": 4,
        "total": 20,
        "eta_s": 160.0,
        "unit": "parts",
        "worked_s": 40.0,
    }


def test_the_end_of_a_part_is_counted_once_though_it_is_told_twice() -> None:
    parts = Parts(part=4, done=4, total=20, worked_s=40.0)
    assert parts.note(3.0)["eta_s"] == 160.0
    ended = parts.ended(3.0, more=True)
    assert (ended["done"], ended["worked_s"]) == (4, 40.0)


def test_a_run_of_more_or_fewer_parts_than_told_stays_honest() -> None:
    more = Parts(part=4, done=3, total=4, worked_s=30.0).ended(10.0, more=True)
    assert (more["done"], more["total"]) == (4, 5)
    last = Parts(part=4, done=3, total=9, worked_s=30.0).ended(10.0, more=False)
    assert (last["done"], last["total"], last["eta_s"]) == (4, 4, 0.0)


def test_the_steps_are_those_of_the_part_at_hand() -> None:
    clock = Clock()
    progress = Progress(["look", "write"], clock, parts=Parts(3, 2, 10, worked_s=20.0))
    clock.now = 5.0
    progress.finish("look")
    assert progress.note() == {
        "done": 2,
        "total": 10,
        "eta_s": 75.0,
        "unit": "parts",
        "steps": {"done": 1, "total": 2},
    }
    assert progress.end_part(more=True)["worked_s"] == 25.0
    with pytest.raises(LookupError):
        Progress(["look"]).end_part(more=False)


def test_waits_between_executions_are_no_work() -> None:
    told = [
        ("run.started", 0.0),
        ("run.models", 1.0),
        ("step.started", 1.0),
        ("cost", 4.0),
        ("run.cancelled", 900.0),
        ("run.resumed", 1800.0),
        ("run.models", 1801.0),
        ("step.finished", 1803.0),
    ]
    assert worked([Event(type_, at=at) for type_, at in told]) == 5.0
    assert worked([]) == 0
