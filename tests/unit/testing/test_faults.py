import pytest

from fabula.errors import BadInput
from fabula.testing.faults import Fault, Script, parse_fault, read_script


def _met(rule: str, arrivals: int = 6) -> list[int]:
    fault = parse_fault(rule)
    return [number for number in range(1, arrivals + 1) if fault.meets(number, number)]


def test_reads_kinds_and_statuses() -> None:
    assert parse_fault("429@every:5") == Fault(429, "every", 5)
    assert parse_fault("hang@at:3") == Fault("hang", "at", 3)


@pytest.mark.parametrize(
    ("rule", "met"),
    [
        ("500@every:2", [2, 4, 6]),
        ("500@at:3", [3]),
        ("500@first:2", [1, 2]),
        ("500@each:1", [1]),
    ],
)
def test_a_rule_meets_the_requests_it_names(rule: str, met: list[int]) -> None:
    assert _met(rule) == met


@pytest.mark.parametrize("text", ["429", "429@every:0", "200@every:1", "tired@at:1", "429@now:1"])
def test_a_rule_that_cannot_be_read_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(BadInput, match="KIND@every:N"):
        parse_fault(text)


def test_the_first_rule_that_meets_wins() -> None:
    script = Script(faults=[parse_fault("429@at:2"), parse_fault("500@every:2")])
    assert [script.fault(number, 1) for number in (1, 2, 4)] == [None, 429, 500]


def test_latencies_go_round() -> None:
    script = Script(latency_ms=5, latencies_ms=(10, 20))
    assert [script.latency_s(number) for number in (1, 2, 3)] == [0.01, 0.02, 0.01]
    assert Script(latency_ms=5).latency_s(9) == 0.005


def test_a_script_comes_from_json() -> None:
    script = read_script({"faults": ["drop@at:1"], "latency_ms": 3})
    assert script == Script(faults=(Fault("drop", "at", 1),), latency_ms=3)
    with pytest.raises(ValueError, match="speed"):
        read_script({"speed": 1})
