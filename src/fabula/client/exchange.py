"""One question to a service, asked again where that is safe: as steps that any client can take.

A flow is a generator that yields what is to be done (`Ask`, `Pause`, `Work`) and returns its
result. It does no I/O, so the blocking client and the asynchronous one share every line of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import httpx

from fabula.client.problems import error_of, retry_after
from fabula.errors import BadInput, ServiceAway, ServiceError

T = TypeVar("T")
MOST_REDIRECTS = 5
LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)
"""How a question or its answer gets lost on the way."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
BUSY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
KEEPS_METHOD = (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT)
PLAIN_PORT, TLS_PORT = 80, 443


@dataclass(frozen=True)
class Retry:
    """How long to try: pauses double from `first_s` to `longest_s`.

    A question is given up when its pauses would pass `patience_s` together, `absent_s` where nobody
    listens at the address; a stream of events when nothing was heard through pauses of `follow_s`.
    """

    first_s: float = 0.25
    longest_s: float = 8.0
    patience_s: float = 30.0
    absent_s: float = 4.0
    follow_s: float = 300.0

    def pause(self, tried: int) -> float:
        """Return how long to wait after so many tries."""
        return float(min(self.longest_s, self.first_s * 2 ** min(tried - 1, 30)))


@dataclass(frozen=True)
class Ask:
    """A request. `again`: it may be sent again though it may have arrived.

    `path` is below the service's address, or whole after a redirect. `read_s` is how long the
    answer may take, None: as long as any; `stream` leaves its body to be read.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    file: tuple[str, Path] | None = None
    again: bool = False
    stream: bool = False
    read_s: float | None = None


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Do something that blocks on files."""

    do: Callable[[], Any]


Step: TypeAlias = Ask | Pause | Work
Flow: TypeAlias = Generator[Step, Any, T]


def exchange(ask: Ask, retry: Retry, *, patience_s: float | None = None) -> Flow[httpx.Response]:
    """Ask until there is an answer below 400; raises the error that another one is."""
    most = retry.patience_s if patience_s is None else patience_s
    absent = retry.absent_s if patience_s is None else patience_s
    tried, waited, hops = 0, 0.0, 0
    while True:
        tried += 1
        try:
            response: httpx.Response = yield ask
        except LOST as error:
            unsent = isinstance(error, NEVER_SENT)
            pause = retry.pause(tried) if ask.again or unsent else None
            limit = absent if unsent else most
            failure: Exception = away(error)
        except httpx.HTTPError as error:
            raise away(error) from None
        else:
            if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
                return response
            if response.has_redirect_location and hops < MOST_REDIRECTS:
                ask, hops = _redirected(ask, response), hops + 1
                continue
            pause, failure = _pause(ask, response, retry, tried), error_of(response)
            limit = most
        if pause is None or waited + pause > limit:
            raise failure from None
        waited += pause
        yield Pause(pause)


def _pause(ask: Ask, response: httpx.Response, retry: Retry, tried: int) -> float | None:
    """Return how long to wait before the same is asked again; None: not at all."""
    # Too many requests: this one was not looked at. Whatever else may have been done.
    turned_away = response.status_code == HTTPStatus.TOO_MANY_REQUESTS
    if not (turned_away or (ask.again and response.status_code in BUSY)):
        return None
    asked_for = retry_after(response)
    return retry.pause(tried) if asked_for is None else asked_for


def _redirected(ask: Ask, response: httpx.Response) -> Ask:
    """Follow a redirect, but never to another host: the key is this service's alone."""
    here = response.request.url
    try:
        there = here.join(response.headers["location"])
    except httpx.InvalidURL:
        there = httpx.URL("")
    if not same_service(here, there):
        raise ServiceError(
            f"the service sends on to {there.scheme}://{there.host}: give that address itself, "
            "if you trust it with your key",
            f"서비스가 {there.scheme}://{there.host}로 넘깁니다. "
            "키를 맡겨도 되는 곳이면 그 주소를 주세요",
            code="redirected",
        )
    if ask.method != "GET" and response.status_code not in KEEPS_METHOD:
        raise ServiceError(
            f"the service answers at {there.scheme}://{there.host}: give that address itself",
            f"서비스는 {there.scheme}://{there.host}에 있습니다. 그 주소를 주세요",
            code="redirected",
        )
    return replace(ask, path=str(there), params={})


def same_service(here: httpx.URL, there: httpx.URL) -> bool:
    """Say whether two addresses are one service: the same origin, or the same name with TLS."""
    if here.host != there.host:
        return False
    upgraded = (here.scheme, there.scheme) == ("http", "https")
    if upgraded and (_port(here), _port(there)) == (PLAIN_PORT, TLS_PORT):
        return True
    return here.scheme == there.scheme and _port(here) == _port(there)


def checked_url(given: str) -> httpx.URL:
    """Read a service's address; BadInput where it is none, or holds a user or a query."""
    try:
        url = httpx.URL(given.strip())
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
        shown = "one with a user" if "@" in given else f"`{given[:80]}`"
        raise BadInput(
            "server",
            f"got {shown}, wanted an http(s) address, such as http://127.0.0.1:8000",
            "http(s) 주소를 주세요. 예: http://127.0.0.1:8000",
        )
    return url.copy_with(fragment=None, path=f"{url.path.rstrip('/')}/")


def is_loopback(url: httpx.URL) -> bool:
    """Say whether an address is this machine's own, which no proxy leads to."""
    if url.host == "localhost":
        return True
    try:
        return ip_address(url.host).is_loopback
    except ValueError:
        return False


def _port(url: httpx.URL) -> int:
    return url.port or (TLS_PORT if url.scheme == "https" else PLAIN_PORT)


def away(error: Exception) -> ServiceAway:
    """Say that the service did not answer."""
    kind = type(error).__name__
    return ServiceAway(
        f"the service does not answer ({kind}): is it running, and is the address right?",
        f"서비스가 응답하지 않습니다({kind}). 켜져 있는지, 주소가 맞는지 보세요",
    )
