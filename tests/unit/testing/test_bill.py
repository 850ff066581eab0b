from fabula.testing.bill import Bill, Call


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _receive(bill: Bill, body_hash: str) -> Call:
    return bill.receive(body_hash, agent="writer", body={}, headers={})


def _numbers(calls: list[Call]) -> list[int]:
    return [call.number for call in calls]


def test_bills_on_arrival() -> None:
    bill = Bill()
    _receive(bill, "x")
    _receive(bill, "x")
    bill.refuse(_receive(bill, "y"))
    stats = bill.stats()
    assert (stats["requests"], stats["paid"], stats["refused"]) == (3, 2, 1)
    assert stats["by_hash"] == {"x": 2}
    assert [call.repeat for call in bill.calls] == [1, 2, 1]


def test_a_call_flies_from_receipt_until_its_record_is_acknowledged() -> None:
    bill = Bill()
    call = _receive(bill, "x")
    assert _numbers(bill.in_flight()) == [1]
    bill.answer(call)
    assert _numbers(bill.in_flight()) == [1]
    assert bill.record("x")
    assert bill.in_flight() == []


def test_a_record_counts_once_and_only_for_a_call_that_came() -> None:
    bill = Bill()
    _receive(bill, "x")
    assert not bill.record("y")
    assert bill.record("x")
    assert not bill.record("x")


def test_a_refused_call_does_not_fly() -> None:
    bill = Bill()
    bill.refuse(_receive(bill, "x"))
    assert bill.in_flight() == []


def test_a_call_lost_in_one_kill_is_not_counted_at_the_next() -> None:
    bill = Bill()
    _receive(bill, "x")
    assert _numbers(bill.mark_kill()) == [1]
    assert bill.mark_kill() == []
    _receive(bill, "x")
    assert bill.record("x")
    assert bill.calls[0].recorded_at is None
    assert bill.calls[1].recorded_at is not None


def test_without_acknowledgements_the_grace_decides() -> None:
    clock = Clock()
    bill = Bill(clock=clock)
    for name in ("old", "fresh", "open"):
        _receive(bill, name)
    bill.answer(bill.calls[0])
    clock.now += 1.0
    bill.answer(bill.calls[1])
    clock.now += 0.05
    assert _numbers(bill.in_flight(grace_s=0.1)) == [2, 3]


def test_with_acknowledgements_the_grace_excuses_nothing() -> None:
    bill = Bill()
    for name in ("recorded", "unrecorded"):
        bill.answer(_receive(bill, name))
    bill.record("recorded")
    assert _numbers(bill.in_flight(grace_s=60)) == [2]
    assert _numbers(bill.in_flight(grace_s=0)) == [2]


def test_forgets_everything_at_once() -> None:
    bill = Bill()
    _receive(bill, "x")
    bill.record("x")
    bill.forget()
    assert bill.stats()["requests"] == 0
    assert bill.in_flight(grace_s=0) == []
