from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from fabula.client.exchange import Ask, Retry, checked_url, exchange, is_loopback, same_service
from fabula.errors import (
    BadInput,
    ServiceAway,
    ServiceError,
    StoreUnavailable,
    TooManyRequests,
)
from tests.unit.client.taking import HERE, answer, take

SAFE = Ask("GET", "/v1/runs", again=True)
UNSAFE = Ask("POST", "/v1/runs/r/resume")
RETRY = Retry(first_s=1, longest_s=4, patience_s=20, absent_s=3)
REFUSED = httpx.ConnectError("refused")
CUT = httpx.ReadError("cut")
AWAY = {"code": "store_unavailable", "detail": "away", "detail_ko": "없음"}
BUSY = {"code": "rate_limited", "detail": "slow", "detail_ko": "천천히"}


@pytest.mark.parametrize(
    "lost", [CUT, httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("half")]
)
def test_what_may_have_arrived_is_sent_again_only_where_that_is_safe(lost: Exception) -> None:
    _, taken = take(exchange(SAFE, RETRY), lost, lost, answer())
    assert taken.asked == [SAFE] * 3
    assert taken.paused == [1, 2]
    with pytest.raises(ServiceAway):
        take(exchange(UNSAFE, RETRY), lost)


def test_what_never_left_is_always_sent_again() -> None:
    _, taken = take(exchange(UNSAFE, RETRY), REFUSED, REFUSED, answer())
    assert taken.paused == [1, 2]


def test_nobody_at_the_address_is_told_of_sooner_than_a_service_that_is_busy() -> None:
    with pytest.raises(ServiceAway) as caught:
        take(exchange(SAFE, RETRY), REFUSED, REFUSED, REFUSED)
    assert "ConnectError" in caught.value.en
    take(exchange(SAFE, RETRY), *[CUT] * 5, answer())
    take(exchange(SAFE, RETRY, patience_s=60), *[REFUSED] * 15, answer())


def test_retry_after_is_waited_for_and_not_a_second_more() -> None:
    away = answer(503, AWAY, headers={"Retry-After": "7"})
    busy = answer(429, BUSY, headers={"Retry-After": "3"})
    _, taken = take(exchange(SAFE, RETRY), away, busy, answer(503, AWAY), answer())
    assert taken.paused == [7, 3, 4]


def test_more_than_there_is_patience_for_is_not_waited_at_all() -> None:
    with pytest.raises(TooManyRequests) as caught:
        take(exchange(SAFE, RETRY), answer(429, BUSY, headers={"Retry-After": "21"}))
    assert caught.value.retry_after_s == 21


def test_only_a_request_that_was_turned_away_is_sent_again_where_twice_is_not_once() -> None:
    _, taken = take(exchange(UNSAFE, RETRY), answer(429, BUSY), answer())
    assert taken.paused == [1]
    with pytest.raises(StoreUnavailable):
        take(exchange(UNSAFE, RETRY), answer(503, AWAY, headers={"Retry-After": "1"}))


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
def test_an_answer_that_would_stay_the_same_is_not_asked_for_again(status: int) -> None:
    with pytest.raises((BadInput, ServiceError)):
        take(exchange(SAFE, RETRY), answer(status))


def test_a_redirect_on_the_same_service_is_followed() -> None:
    moved = answer(307, headers={"Location": "/v2/runs?x=1"})
    _, taken = take(exchange(replace(SAFE, params={"a": 1}), RETRY), moved, answer())
    assert taken.asked[1] == replace(SAFE, path=f"{HERE}/v2/runs?x=1")


@pytest.mark.parametrize(
    "location", ["http://example.com/v1/runs", "http://127.0.0.1:9/x", "//evil/x", "http://[/"]
)
def test_a_redirect_to_another_host_is_refused_by_name(location: str) -> None:
    with pytest.raises(ServiceError) as caught:
        take(exchange(SAFE, RETRY), answer(302, headers={"Location": location}))
    assert caught.value.code == "redirected"


def test_a_post_is_not_turned_into_a_get() -> None:
    moved = answer(302, headers={"Location": "/v2/runs"})
    with pytest.raises(ServiceError):
        take(exchange(replace(UNSAFE, again=True), RETRY), moved)


def test_redirects_that_go_round_end() -> None:
    moved = answer(307, headers={"Location": "/v1/runs"})
    with pytest.raises(BadInput):
        take(exchange(SAFE, RETRY), *[moved] * 6)


@pytest.mark.parametrize(
    ("there", "same"),
    [
        ("http://a.example/x", True),
        ("https://a.example/x", True),
        ("https://a.example:8443/x", False),
        ("http://a.example:8080/x", False),
        ("http://b.example/x", False),
        ("ftp://a.example/x", False),
    ],
)
def test_one_service_is_one_origin_or_the_same_name_with_tls(there: str, same: bool) -> None:
    assert same_service(httpx.URL("http://a.example"), httpx.URL(there)) is same


def test_no_way_back_from_tls() -> None:
    assert not same_service(httpx.URL("https://a.example"), httpx.URL("http://a.example"))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
        (" https://a.example/fabula/ ", "https://a.example/fabula/"),
        ("http://[::1]:80/#x", "http://[::1]/"),
    ],
)
def test_an_address_is_read(given: str, read: str) -> None:
    assert str(checked_url(given)) == read


@pytest.mark.parametrize(
    "given",
    ["", "127.0.0.1:8000", "ftp://a", "http://", "http://me:secret@a.example", "http://a?k=1"],
)
def test_what_is_no_address_is_refused_without_its_secret(given: str) -> None:
    with pytest.raises(BadInput) as caught:
        checked_url(given)
    assert caught.value.field == "server"
    assert "secret" not in caught.value.en


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://localhost", True),
        ("http://127.0.0.2", True),
        ("http://[::1]", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
    ],
)
def test_this_machine_is_known(url: str, own: bool) -> None:
    assert is_loopback(httpx.URL(url)) is own
