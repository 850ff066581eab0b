from __future__ import annotations

from fabula.runs.progress import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_slots_stand_in_place_of_their_workers_step() -> None:
    clock = Clock()
    progress = Progress(["plan", "write", "validate", "publish"], clock)
    assert progress.note() == {"done": 0, "total": 4, "eta_s": None}
    clock.now = 2.0
    progress.see_slots({f"write/{n}": {"status": "open"} for n in range(5)})
    progress.finish("plan")
    assert progress.note() == {"done": 1, "total": 8, "eta_s": 14.0}
    progress.see_slots({"write/0": {"status": "drafted"}, "write/1": {"status": "rejected"}})
    progress.finish("write")
    assert (progress.done, progress.total) == (2, 8)


def test_a_rewrite_is_not_done_any_more() -> None:
    progress = Progress(["write"])
    progress.see_slots({"write/0": {"status": "drafted"}})
    progress.see_slots({"write/0": {"status": "open"}})
    assert progress.done == 0


def test_what_an_earlier_process_did_does_not_count_into_the_pace() -> None:
    clock = Clock()
    progress = Progress(["a", "b", "c", "d"], clock)
    progress.resume_from(["a", "b"], {})
    clock.now = 3.0
    progress.finish("c")
    assert progress.note() == {"done": 3, "total": 4, "eta_s": 3.0}
