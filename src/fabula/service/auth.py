"""Who is calling: an API key's account, or the local one where there is no key at all."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from fabula.errors import BadInput, FabulaError, Forbidden, TooManyRequests, Unauthorized
from fabula.service.rates import Rates, rates_of
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.keys import Key, ensure_key, find_key, keys_in_use
from fabula.store.tables import LOCAL

REMEMBERED_S = 3.0
"""How long a key is known without asking the database: a revoked one counts no longer than this."""
UNUSED_S = 1.0
"""How long nobody needs a key after the first one was made."""
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Caller:
    """The account that a request acts for; `key` is the API key's id, None where none is needed."""

    owner: str
    key: str | None


class Keyring:
    """The keys of a store, remembered for a few seconds by their hash."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._used = False
        self._unused_until = -math.inf
        self._known: dict[str, tuple[Key | None, float]] = {}

    async def in_use(self) -> bool:
        """Say whether any key was ever made."""
        if not self._used and self._clock() >= self._unused_until:
            self._used = await keys_in_use(self._store)
            self._unused_until = self._clock() + UNUSED_S
        return self._used

    async def find(self, token: str) -> Key | None:
        """Return the key that a token is; None where it is none, or was revoked."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        key, until = self._known.get(digest, (None, -math.inf))
        if self._clock() >= until:
            key = await find_key(self._store, token)
            # Wrong tokens are remembered too: a client that tries again costs no query.
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[digest] = (key, self._clock() + REMEMBERED_S)
        return key


class Gate:
    """What stands before the routes of one service: its keys and how often each may come."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self.keys = Keyring(store)
        self.rates: Rates = rates_of(settings)

    async def open(self) -> None:
        """Make the key that the settings name."""
        if self._settings.bootstrap_key:
            await ensure_key(self._store, self._settings.bootstrap_key.get_secret_value())

    async def close(self) -> None:
        await self.rates.close()

    async def known(self, request: Request, token: str | None) -> tuple[Caller, Key | None]:
        """Return who calls; raises Unauthorized, or Forbidden for a stranger without any key."""
        if not await self.keys.in_use():
            _refuse_strangers(request)
            return Caller(LOCAL, None), None
        if not token:
            raise Unauthorized(
                "an API key is needed: `Authorization: Bearer fab_…`, or `X-API-Key: fab_…`",
                "API 키가 필요합니다: `Authorization: Bearer fab_…` 또는 `X-API-Key: fab_…`",
            )
        key = await self.keys.find(token)
        if key is None:
            raise Unauthorized(
                "the API key is unknown or was revoked; `fabula keys create` makes one",
                "없는 API 키이거나 없앤 키입니다. `fabula keys create`로 만드세요",
            )
        return Caller(key.owner, key.id), key

    async def admit(self, key: Key) -> None:
        """Count a request of a key; raises TooManyRequests."""
        rate = key.rate or self._settings.requests_per_minute
        wait_s = await self.rates.take(key.id, rate)
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            raise TooManyRequests(
                f"more than {rate:g} requests a minute: come again in {seconds} s",
                f"분당 요청이 {rate:g}번을 넘었습니다. {seconds}초 뒤에 다시 시도하세요",
                retry_after_s=seconds,
            )


_bearer = HTTPBearer(auto_error=False, description="`fab_<id>_<secret>`: `fabula keys create`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
Header = Annotated[str | None, Security(_header)]


async def known_caller(request: Request, bearer: Bearer, header: Header) -> Caller:
    """Return who calls, without counting the request: for what machines ask all the time."""
    caller, _ = await gate_of(request).known(request, _token(bearer, header))
    return caller


async def caller(request: Request, bearer: Bearer, header: Header) -> Caller:
    """Return who calls: everybody is the local account where there is no key at all."""
    gate = gate_of(request)
    who, key = await gate.known(request, _token(bearer, header))
    if key:
        await gate.admit(key)
    return who


async def is_known(request: Request) -> bool:
    """Say whether the request comes from somebody who may know more; it is never refused."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    bearer = credentials if scheme.lower() == "bearer" else None
    try:
        await gate_of(request).known(request, bearer or request.headers.get("X-API-Key"))
    except FabulaError:
        # Also where the keys cannot be read: then nobody is known.
        return False
    return True


Who = Annotated[Caller, Depends(caller)]
IsKnown = Annotated[bool, Depends(is_known)]
Known = Annotated[Caller, Depends(known_caller)]


def gate_of(request: Request) -> Gate:
    """Return the gate of the service that the lifespan opened."""
    service: Any = request.app.state.service
    gate: Gate = service.gate
    return gate


def check_bind(host: str, *, in_use: bool) -> None:
    """Refuse an address that others can reach while nobody needs a key."""
    if not in_use and not is_loopback(host):
        raise BadInput(
            "--host",
            f"{host} can be reached by others, and there is no API key yet: make one "
            "(`fabula keys create --owner NAME`), or leave --host out for this machine alone",
            f"{host}에는 다른 사람이 접속할 수 있는데 API 키가 없습니다. 키를 만들거나"
            "(`fabula keys create --owner NAME`) --host를 빼 주세요",
        )


def is_loopback(host: str) -> bool:
    """Say whether a host, without its port, is this machine and nothing else."""
    bare = host.strip("[]").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False


def _refuse_strangers(request: Request) -> None:
    """Keep out what only looks local: another machine, or a web page in the user's own browser.

    A page of the web may send requests here, and may make its own name lead here; its browser
    then names that page in Origin, or that name in Host.
    """
    came_from = request.client.host if request.client else ""
    hosts = request.headers.getlist("host") or [""]
    named = [*(f"//{host}" for host in hosts), *request.headers.getlist("origin")]
    if _is_foreign(came_from) or not all(is_loopback(_host(one)) for one in named):
        raise Forbidden(
            "without any API key the service answers its own machine alone, by the name localhost "
            "or 127.0.0.1: make a key with `fabula keys create --owner NAME`",
            "API 키가 하나도 없으면 이 컴퓨터에서 localhost나 127.0.0.1로만 쓸 수 있습니다. "
            "`fabula keys create --owner NAME`으로 키를 만드세요",
            code="not_local",
        )


def _is_foreign(client: str) -> bool:
    try:
        return not ip_address(client).is_loopback
    except ValueError:
        # A socket of the file system has no address.
        return False


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _token(bearer: HTTPAuthorizationCredentials | None, header: str | None) -> str | None:
    return bearer.credentials.strip() if bearer else header


__all__ = [
    "Caller",
    "Gate",
    "Known",
    "Who",
    "caller",
    "check_bind",
    "gate_of",
    "is_loopback",
    "known_caller",
]
