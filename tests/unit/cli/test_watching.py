from __future__ import annotations

import pytest

from fabula.cli.terminal import Terminal
from fabula.cli.watching import Watcher, in_doubt_line, line_of
from fabula.store.events import Event


def finished(done: int, total: int, eta_s: float | None = None) -> Event:
    note = {"done": done, "total": total, "eta_s": eta_s}
    return Event("step.finished", step="write_section", item="write_section/s3", note=note)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Event("template_fallback", note={"template_id": "editorial-deep", "reason": "x"}), "틀"),
        (Event("source_refused", note={"source": "a.md", "reason": "비었음"}), "a.md: 비었음"),
        (Event("placeholder", item="write_section/s2", note={"reason": "짧음"}), "s2: 짧음"),
        (Event("rewrite", item="write/s2", note={"reason": "짧음"}), "write/s2: 짧음"),
        (Event("model_switched", note={"agent": "a", "from": "m1", "to": "m2"}), "m1 → m2"),
        (Event("step.failed", step="publish", note={"code": "bug", "reason": "r"}), "publish"),
        (Event("something_new", note={"post_id": "p1"}), "something_new post_id=p1"),
    ],
)
def test_a_fact_gets_a_line(event: Event, words: str) -> None:
    line = line_of(event)
    assert line is not None
    assert words in line


@pytest.mark.parametrize("type_", ["step.started", "step.finished", "cost", "artifact", "run.x"])
def test_routine_gets_no_line(type_: str) -> None:
    assert line_of(Event(type_)) is None


def test_an_estimate_is_told_where_it_costs_anything() -> None:
    line = line_of(Event("run.estimate", note={"cost": 0.25, "cost_most": 1.5}))
    assert line == "예상 / expected: 0.25 USD, 많아야 / at most: 1.50 USD"
    assert line_of(Event("run.estimate", note={"cost": 0.0, "cost_most": 0.0})) is None
    blind = {"cost": 0.25, "cost_most": 1.5, "assumptions": [{"code": "sources_not_read"}]}
    assert (
        line_of(Event("run.estimate", note=blind))
        == f"{line} (글을 읽기 전의 어림 / the posts were not read)"
    )


def test_a_long_reason_is_cut_to_a_line() -> None:
    line = line_of(Event("placeholder", item="s", note={"reason": "가\n" * 400}))
    assert line is not None
    assert len(line) < 250
    assert "\n" not in line


def test_without_a_terminal_each_tenth_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Watcher(Terminal(), "r1") as watcher:
        watcher.see(Event("cost", note={"total": 0.25}))
        for done in range(1, 101):
            watcher.see(finished(done, 100, 100.0 - done))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "[10/100] write_section/s3, 0.25 USD, ETA 1:30"
    assert lines[-1] == "[100/100] write_section/s3, 0.25 USD"


def test_a_resume_says_what_is_in_doubt(capsys: pytest.CaptureFixture[str]) -> None:
    with Watcher(Terminal(), "r1") as watcher:
        note = {"epoch": 2, "in_doubt_calls": 2, "in_doubt": 0.5}
        watcher.see(Event("run.resumed", note=note))
    err = capsys.readouterr().err
    assert "r1" in err
    assert "calls in doubt: 2, 0.5 USD at most" in err


def test_nothing_in_doubt_is_said_too() -> None:
    assert in_doubt_line({})[1] == "no call is in doubt"


def test_an_event_without_counts_is_taken_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    with Watcher(Terminal(), "r1") as watcher:
        watcher.see(Event("step.finished", step="x"))
    assert capsys.readouterr().err == ""


def part_ended(part: int, total: int | None) -> Event:
    note = {"part": part, "done": part, "total": total, "eta_s": 9.0, "unit": "parts"}
    return Event("run.part", note=note)


def test_parts_are_told_as_they_end(capsys: pytest.CaptureFixture[str]) -> None:
    with Watcher(Terminal(), "r1") as watcher:
        watcher.see(Event("run.started", note={"product": "saga"}))
        for part in (1, 2, 3):
            watcher.see(finished(part - 1, 3))
            watcher.see(part_ended(part, 3))
            watcher.see(Event("run.resumed", note={"part": part + 1, "in_doubt_calls": 0}))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("saga")
    assert [line.partition(",")[0] for line in lines[1:]] == [
        f"[{part}/3] 부분 / part {part}" for part in (1, 2, 3)
    ]


def test_parts_of_an_unknown_number_are_each_told(capsys: pytest.CaptureFixture[str]) -> None:
    with Watcher(Terminal(), "r1") as watcher:
        watcher.see(part_ended(7, None))
    assert capsys.readouterr().err.startswith("[7/?] 부분 / part 7")


def test_a_part_that_is_taken_over_says_what_is_in_doubt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Watcher(Terminal(), "r1") as watcher:
        watcher.see(Event("run.started"))
        watcher.see(Event("run.resumed", note={"part": 3, "taken_over": True}))
    assert "no call is in doubt" in capsys.readouterr().err
