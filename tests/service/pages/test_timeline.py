"""Events as a page's entries: each in one line, a fan-out by item, patches that miss nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fabula.service.pages.timeline import Entry, Fact, Group, arrange, patches
from fabula.store.events import Event


def numbered(*events: Event) -> list[Event]:
    return [replace(one, seq=seq, at=float(seq)) for seq, one in enumerate(events, start=1)]


def started(step: str, item: str | None = None) -> Event:
    return Event("step.started", step=step, item=item, status="running")


def finished(step: str, item: str | None = None) -> Event:
    return Event("step.finished", step=step, item=item, note={"done": 1, "total": 2})


RUN = numbered(
    Event("run.queued", note={"product": "echo"}),
    started("plan"),
    Event("cost", item="plan", note={"cost": 0.25}),
    finished("plan"),
    started("write", "write/1"),
    started("write", "write/2"),
    Event("cost", item="write/2", note={"cost": 0.5}),
    finished("write", "write/2"),
    Event("rewrite", item="write/2", note={"attempt": 1, "reason": "짧다"}),
    Event("run.cancelled", note={"ko": "취소", "en": "cancelled"}),
    Event("run.resumed"),
    started("write", "write/2"),
    finished("write", "write/2"),
    Event("placeholder", item="write/1", note={"reason": "비었다"}),
    Event("artifact", item="write/odd.json", note={"size": 5}),
    Event("template_fallback", note={"template_id": "x", "reason": "y"}),
    Event("fault", item="nowhere", note={"reason": "z"}),
    Event("run.succeeded"),
)


def seqs(entries: Sequence[Entry]) -> list[int]:
    found = []
    for entry in entries:
        rows = entry.items if isinstance(entry, Group) else ()
        lines = [entry.line] if isinstance(entry, Fact) else [o for row in rows for o in row.lines]
        found += [line.seq for line in lines]
    return sorted(found)


def group(entries: Sequence[Entry], name: str) -> Group:
    (found,) = [one for one in entries if isinstance(one, Group) and one.name == name]
    return found


def test_every_event_stands_in_exactly_one_line() -> None:
    for upto in range(len(RUN) + 1):
        assert seqs(arrange(RUN[:upto], "running")) == list(range(1, upto + 1))


def test_a_fan_out_is_grouped_by_item_and_a_step_stands_alone() -> None:
    entries = arrange(RUN, "succeeded")
    plan, write = group(entries, "plan"), group(entries, "write")
    assert not plan.fans_out
    assert (plan.state, plan.cost, plan.done) == ("done", 250_000_000, 1)
    assert write.fans_out
    first, second = write.items
    assert (write.short(first), first.state, first.reason) == ("1", "placeholder", "비었다")
    assert (write.short(second), second.state, second.attempts) == ("2", "done", 2)
    assert second.cost == 500_000_000
    assert write.done == 2


def test_what_is_begun_stands_as_the_run_does() -> None:
    for status, state in (
        ("running", "running"),
        ("waiting", "waiting"),
        ("cancelled", "stopped"),
        ("queued", "stopped"),
    ):
        assert group(arrange(RUN[:6], status), "write").state == state


def test_a_stop_does_not_count_into_what_a_step_took() -> None:
    write = group(arrange(RUN, "succeeded"), "write")
    assert write.items[0].took is None
    assert write.items[1].took == 2.0 + 1.0


def test_a_part_begins_steps_of_the_same_name_anew() -> None:
    events = numbered(started("draft"), finished("draft"), Event("run.part"), started("draft"))
    entries = arrange(events, "running")
    assert [one.first for one in entries] == [1, 3, 4]
    assert seqs(entries) == [1, 2, 3, 4]


def test_patches_draw_each_new_event_and_each_row_that_looks_different() -> None:
    for after in range(len(RUN) + 1):
        for upto in range(after, len(RUN) + 1):
            page = RUN[:upto]
            entries = arrange(page, "running")
            drawn = patches(entries, page, after)
            shown: set[int] = set()
            for patch in drawn:
                entry = patch.entry
                if isinstance(entry, Fact):
                    shown.add(entry.line.seq)
                    continue
                rows = entry.items if patch.whole else patch.rows
                shown |= {line.seq for row in rows for line in row.lines}
            assert set(range(after + 1, upto + 1)) <= shown


def test_an_unchanged_page_needs_no_patch() -> None:
    assert patches(arrange(RUN, "succeeded"), RUN, len(RUN)) == []


def test_a_cancel_draws_open_rows_anew() -> None:
    page = RUN[:10]
    drawn = patches(arrange(page, "cancelled"), page, after=9)
    (write,) = [one for one in drawn if isinstance(one.entry, Group)]
    assert [row.name for row in write.rows] == ["write/1", "write/2"]
    assert not write.whole


def test_an_end_that_is_told_before_the_row_has_it_is_drawn_at_once() -> None:
    for status, state in (("cancelled", "stopped"), ("waiting", "waiting"), ("failed", "stopped")):
        ended = [*RUN[:6], Event(f"run.{status}", status=status, seq=7, at=7.0)]
        assert group(arrange(ended, "running"), "write").state == state
        taken = [*ended, Event("run.resumed", status="running", seq=8, at=8.0)]
        assert group(arrange(taken, "running"), "write").state == "running"


def test_a_note_that_is_not_as_expected_is_shown_all_the_same() -> None:
    odd = [
        Event("cost", item="x", note={"cost": "free", "input_tokens": "many"}),
        Event("artifact", item="a", note={"size": None}),
        Event("step.started", step="s", note={"attempt": "two"}),
        Event("run.estimate", note={"calls": []}),
        Event("rewrite", item="s/1", note={"attempt": None, "reason": {"deep": [1, {"a": 2}]}}),
        Event("own_fact", note={"list": [1.5, "b"], "map": {"k": None}}),
    ]
    entries = arrange(numbered(*odd), "running")
    assert seqs(entries) == [1, 2, 3, 4, 5, 6]
    last = entries[-1]
    assert isinstance(last, Fact)
    assert last.line.text == "list=1.5, b map=k None"
