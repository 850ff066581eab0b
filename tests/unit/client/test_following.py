from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabula.client.answers import RunEvent
from fabula.client.exchange import Retry
from fabula.client.following import Following
from fabula.errors import ServiceAway, ServiceError
from fabula.service.frames import CLOSING, HEARTBEAT, RETRY, end_frame, frame_of, gap_frame
from fabula.store.events import Event
from tests.unit.client.taking import answer, take

PATIENCE = Retry(first_s=1, longest_s=8, follow_s=20)


def frame(seq: int, text: str = "가을\u2028") -> bytes:
    return frame_of(Event("notice", item="s1", note={"text": text}, seq=seq, at=1.5))


def following(after: int = 0) -> Following:
    return Following("/v1/runs/r", PATIENCE, after=after)


def seen(stream: Following, *chunks: bytes) -> list[RunEvent]:
    return [event for chunk in chunks for event in stream.feed(chunk)]


def last_id(stream: Following) -> str:
    _, taken = take(stream.attach(), answer())
    return taken.asked[0].headers["Last-Event-ID"]


def test_events_are_as_the_service_has_them() -> None:
    (event,) = seen(following(), RETRY + frame(1))
    assert event == RunEvent(type="notice", seq=1, at=1.5, item="s1", note={"text": "가을\u2028"})


@given(st.data())
def test_however_the_bytes_are_cut_the_events_are_the_same(data: Any) -> None:
    whole = RETRY + frame(1) + HEARTBEAT + frame(2) + end_frame("r", "succeeded", None, 2)
    whole = whole.replace(b"\n", b"\r\n") if data.draw(st.booleans()) else whole
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1))))
    edges = [0, *cuts, len(whole)]
    chunks = [whole[a:b] for a, b in pairwise(edges)]
    stream = following()
    assert [event.seq for event in seen(stream, *chunks)] == [1, 2, None]
    assert stream.over


def test_each_number_is_told_once_and_the_next_connection_begins_behind_it() -> None:
    stream = following(after=3)
    assert last_id(stream) == "3"
    assert [one.seq for one in seen(stream, frame(3), frame(4), frame(5)[:20])] == [4]
    assert last_id(stream) == "4"
    assert [one.seq for one in seen(stream, frame(4), frame(5))] == [5]


def test_a_gap_is_told_and_stepped_over() -> None:
    stream = following()
    gap, event = seen(stream, gap_frame(1, 7), frame(8))
    assert (gap.type, gap.seq, gap.note) == ("gap", None, {"from": 1, "to": 7})
    assert event.seq == 8
    seen(stream, gap_frame(9, 12))
    assert last_id(stream) == "12"


def test_a_log_that_was_put_back_goes_on_with_its_own_numbers() -> None:
    stream = following(after=30)
    assert [one.seq for one in seen(stream, gap_frame(21, 30), frame(21))] == [None, 21]


def test_the_end_is_the_last_thing_told() -> None:
    stream = following()
    (end,) = seen(stream, end_frame("r", "failed", "rejected", 9) + frame(10))
    assert (end.type, end.status, end.note["code"], end.seq) == ("end", "failed", "rejected", None)
    assert stream.over


def test_a_connection_that_brought_something_is_made_anew_at_once() -> None:
    stream = following()
    seen(stream, frame(1))
    assert stream.pause_s() < 0.1


def test_one_that_brought_nothing_makes_the_next_wait_longer_up_to_an_end() -> None:
    stream = following()
    pauses = []
    for _ in range(4):
        take(stream.attach(), answer())
        pauses.append(stream.pause_s())
    assert pauses == [1, 2, 4, 8]
    take(stream.attach(), answer())
    with pytest.raises(ServiceAway):
        stream.pause_s()


def test_a_quiet_run_behind_connections_that_break_is_followed_for_ever() -> None:
    stream = following()
    pauses = []
    for _ in range(50):
        take(stream.attach(), answer())
        seen(stream, RETRY, HEARTBEAT, CLOSING)
        pauses.append(stream.pause_s())
    assert pauses[-1] == 8
    take(stream.attach(), answer())
    seen(stream, frame(1))
    assert stream.pause_s() < 0.1


@pytest.mark.parametrize(
    "odd",
    [
        b"event: notice\ndata: {\n\n",
        b"event: notice\ndata: []\n\n",
        b"event: gap\ndata: {}\n\n",
        b"event: gap\ndata: []\n\n",
        b"event: end\ndata: {}\n\n",
        b"event: \xff\ndata: \xff\n\n",
        b"event: notice\ndata: " + json.dumps({"type": "x", "seq": "many"}).encode() + b"\n\n",
    ],
)
def test_what_is_no_event_of_ours_is_an_error_of_the_service(odd: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        seen(following(), odd)
    assert caught.value.code == "bad_answer"


def test_a_frame_without_an_end_does_not_fill_the_memory() -> None:
    stream = following()
    seen(stream, *[b"x" * 1_000_000] * 16)
    with pytest.raises(ServiceError):
        seen(stream, b"x")
