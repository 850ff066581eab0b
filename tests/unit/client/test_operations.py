from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fabula.client.exchange import Flow, Retry
from fabula.client.operations import Operations
from fabula.documents.magazine import MagazineBrief
from fabula.errors import BadInput, ServiceError
from fabula.graphs.magazine.flags import MagazineFlags
from tests.unit.client.taking import answer, take

RUN: dict[str, Any] = {
    "run_id": "r1",
    "product": "echo",
    "project": "default",
    "status": "running",
    "door": "http",
    "profile": "offline",
    "created_at": "2026-03-01T00:00:00Z",
    "links": dict.fromkeys(("self", "events", "cost", "artifacts", "archive"), "/v1"),
}
ASK = Operations(Retry(first_s=1, patience_s=20))


def test_a_run_is_asked_for_with_what_was_said_and_no_more() -> None:
    run, taken = take(
        ASK.submit("echo", {"text": "가을"}, flags={"writers": 2}, idempotency_key="k1"),
        answer(202, RUN),
    )
    (ask,) = taken.asked
    assert ask.json == {"product": "echo", "brief": {"text": "가을"}, "flags": {"writers": 2}}
    assert ask.headers == {"Idempotency-Key": "k1"}
    assert (run.run_id, run.rests) == ("r1", False)


def test_each_run_has_a_key_of_its_own_that_all_its_tries_share() -> None:
    lost = answer(503, headers={"Retry-After": "1"})
    keys = []
    for _ in range(2):
        _, taken = take(ASK.submit("echo", {}), lost, answer(202, RUN))
        first, second = (ask.headers["Idempotency-Key"] for ask in taken.asked)
        assert first == second
        keys.append(first)
    assert keys[0] != keys[1]


def test_models_are_sent_as_far_as_they_were_filled() -> None:
    brief = MagazineBrief(angle="가을", seed=0)
    _, taken = take(
        ASK.submit("magazine", brief, flags=MagazineFlags(polish_enabled=False)), answer(202, RUN)
    )
    body = taken.asked[0].json
    assert body["brief"] == {"angle": "가을", "seed": 0}
    assert body["flags"] == {"polish_enabled": False}
    json.dumps(body)


def test_waiting_asks_again_until_the_run_rests() -> None:
    done = {**RUN, "status": "succeeded"}
    run, taken = take(ASK.wait("r1"), answer(200, RUN), answer(200, RUN), answer(200, done))
    assert run.succeeded
    assert [ask.params["wait"] for ask in taken.asked] == [55, 55, 55]
    assert all(ask.read_s and ask.read_s > 60 for ask in taken.asked)
    waiting, _ = take(ASK.wait("r1"), answer(200, {**RUN, "status": "waiting"}))
    assert waiting.status == "waiting"


def test_waiting_ends_with_its_time_and_says_how_the_run_stands() -> None:
    run, taken = take(ASK.wait("r1", timeout_s=60), answer(200, RUN), answer(200, RUN))
    assert run.status == "running"
    assert [ask.params["wait"] for ask in taken.asked] == [55, 5]


@pytest.mark.parametrize(
    ("flow", "again"),
    [
        (lambda: ASK.get("r1"), True),
        (lambda: ASK.cancel("r1"), True),
        (lambda: ASK.change("r1", "rewrite", {"section_id": "s1"}), True),
        (lambda: ASK.resume("r1"), False),
        (lambda: ASK.decide("r1", {"pick": "a"}), False),
    ],
)
def test_only_what_may_happen_twice_is_sent_twice(
    flow: Callable[[], Flow[Any]], again: bool
) -> None:
    _, taken = take(flow(), answer(200, RUN))
    assert taken.asked[0].again is again


@pytest.mark.parametrize("run", ["a/b", "a?b", "가을", "a b", "..x"])
def test_a_name_is_one_part_of_an_address_whatever_it_holds(run: str) -> None:
    _, taken = take(ASK.get(run), answer(200, RUN))
    path = taken.asked[0].path
    assert path.startswith("/v1/runs/")
    assert path.count("/") == 3
    assert path.isascii()
    assert not set(path) & {"?", " "}


@pytest.mark.parametrize("run", ["", ".", ".."])
def test_a_name_that_would_be_another_address_is_refused(run: str) -> None:
    with pytest.raises(BadInput):
        take(ASK.get(run))


@pytest.mark.parametrize("body", [{}, {"run_id": 1}, [], "x"])
def test_an_answer_that_is_none_of_ours_is_an_error_of_the_service(body: object) -> None:
    with pytest.raises(ServiceError) as caught:
        take(ASK.get("r1"), answer(200, body))
    assert caught.value.code == "bad_answer"


def test_a_file_is_found_by_its_name_and_the_others_are_listed() -> None:
    one = {"name": "index.html", "hash": "0", "media_type": "text/html", "size": 1}
    found, _ = take(ASK.artifact("r1", "index.html"), answer(200, {"artifacts": [one]}))
    assert found.name == "index.html"
    with pytest.raises(BadInput) as caught:
        take(ASK.artifact("r1", "index.htm"), answer(200, {"artifacts": [one]}))
    assert "index.html" in caught.value.en
    assert take(ASK.artifact("r1", found))[0] is found


def test_uploading_what_is_not_there_sends_nothing() -> None:
    with pytest.raises(BadInput):
        take(ASK.upload("/nowhere/a.md"))
