"""Texts that a database would refuse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from fabula.store.engine import Fence, Store
from fabula.store.events import Event, append_events, list_events
from fabula.store.tables import events
from fabula.store.texts import fitted, storable

MakeRun = Callable[..., Awaitable[Fence]]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("가을", "가을"),
        ("", ""),
        ("a" * 255, "a" * 255),
        ("가\x00나", "가\ufffd나"),
        ("\ud83d", "\ufffd"),
        ("😀", "😀"),
    ],
)
def test_a_text_that_fits_stays_as_it_is_but_for_what_no_database_takes(
    text: str, kept: str
) -> None:
    assert fitted(text, events.c.item) == storable(text) == kept


def test_texts_that_are_cut_fill_the_column_and_stay_apart() -> None:
    cut = {fitted("가" * 300 + end, events.c.item) for end in ("1", "2", "\x00")}
    assert {len(one) for one in cut} == {255}
    assert len(cut) == 3


async def test_no_events_text_keeps_the_others_of_its_batch_from_being_stored(
    store: Store, make_run: MakeRun
) -> None:
    fence = await make_run()
    long, odd = "단계" * 200, "a\x00\ud800"
    batch = [
        Event(long, step=long, item=long, status=long, task=long, phase=long),
        Event(odd, step=odd, item=odd, status=odd, task=odd, phase=odd, note={odd: [odd]}),
        Event("step.started", step="plan"),
    ]
    told = await append_events(store, fence, batch, after=0)
    found = await list_events(store, fence.run)
    assert [(one.type, one.step, one.item) for one in found] == [
        (one.type, one.step, one.item) for one in told
    ]
    assert [len(found[0].type), len(found[0].item or ""), len(found[0].phase or "")] == [
        64,
        255,
        16,
    ]
    assert found[1].item == "a\ufffd\ufffd"
    assert found[2].step == "plan"
