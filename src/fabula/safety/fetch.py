"""Fetch from the web what a stranger's address names, or send to it, and only where it is public.

Each hop is resolved once, all its addresses are checked, and the connection is made to one of
them: what the name means a moment later does not matter. Name and certificate stay the host's.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from fabula.errors import BadInput
from fabula.korean.particles import attach
from fabula.safety.addresses import as_address, is_local_name, is_name, is_public
from fabula.safety.unpack import PACKINGS, Damaged, TooLarge, read_body

if TYPE_CHECKING:
    import httpx

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host and a port to its IP addresses; OSError where there are none."""

PORTS = {"http": 80, "https": 443}
MAX_URL = 2_048
_ODD = re.compile(r"[\s\\\x00-\x20\x7f]")
_OK = 200
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_DIGITS = 15
_MOST_SHOWN = 200
_TRIED = 3
"""How many of a host's addresses are tried."""


class Fetched(NamedTuple):
    """What was read: the address it came from in the end, its type and its bytes."""

    url: str
    media_type: str
    data: bytes


class Fetch(Protocol):
    """A way to the web that a graph may use."""

    async def __call__(self, url: str, *, accept: Collection[str], most: int) -> Fetched:
        """Return the body behind `url`: one of the media types `accept`, at most `most` bytes.

        Raises BadInput, its field the address without its query, where it cannot be had.
        """
        ...


@dataclass(frozen=True)
class Patience:
    """How long and how far one fetch goes: seconds, and the number of redirects followed."""

    connect_s: float = 5.0
    silence_s: float = 10.0
    whole_s: float = 30.0
    redirects: int = 5


class _Target(NamedTuple):
    url: httpx.URL
    host: str
    address: str | None
    """The host, where it is an address itself."""
    port: int
    opened: bool
    """The operator has opened this host and port by name."""
    shown: str


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class GuardedFetch:
    """Fetch http and https from public hosts on ports 80 and 443.

    `private_hosts` are exceptions of the operator's own, each `host` or `host:port`: they may be
    private and have another port. `transport` makes what a request is sent with; it is handed
    requests whose host is the address that was checked.
    """

    def __init__(
        self,
        *,
        private_hosts: Collection[str] = (),
        resolve: Resolve = system_resolve,
        patience: Patience | None = None,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self._private = frozenset(one.lower() for one in private_hosts)
        self._resolve = resolve
        self._patience = patience or Patience()
        self._transport = transport or _system_transport

    async def __call__(self, url: str, *, accept: Collection[str], most: int) -> Fetched:
        """Return the body behind `url`; BadInput says why it cannot be had."""
        target = self._target(url)
        with self._told(target):
            async with asyncio.timeout(self._patience.whole_s):
                return await self._followed(target, accept, most)

    def check(self, url: str) -> None:
        """Refuse with BadInput an address that can never be asked; its name is not looked up."""
        target = self._target(url)
        if target.address and not target.opened and not is_public(target.address):
            raise _not_public(target)

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send the body with POST and return the answer's status; the rest of it is not read.

        A redirect is an answer like any other. Raises BadInput as a fetch does.
        """
        target = self._target(url)
        with self._told(target):
            async with asyncio.timeout(self._patience.whole_s):
                addresses = await self._addresses(target)
                async with self._transport() as transport:
                    request = partial(self._request, target, "POST", headers, body)
                    response = await self._asked(transport, addresses, request)
                    await response.aclose()
                    return int(response.status_code)

    @contextmanager
    def _told(self, target: _Target) -> Iterator[None]:
        """Say what went wrong on the way as BadInput."""
        import httpx

        try:
            yield
        except TimeoutError:
            seconds = f"{self._patience.whole_s:g}"
            raise _refused(
                target.shown, f"took more than {seconds} s", f"{seconds}초 안에 받지 못했습니다"
            ) from None
        except httpx.TimeoutException:
            raise _refused(
                target.shown, "does not answer in time", "제때 응답하지 않습니다"
            ) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            what = type(error).__name__
            raise _refused(
                target.shown, f"cannot be read ({what})", f"연결할 수 없습니다({what})"
            ) from None

    async def _followed(self, first: _Target, accept: Collection[str], most: int) -> Fetched:
        target = first
        for _ in range(self._patience.redirects + 1):
            with _redirected(first, target):
                addresses = await self._addresses(target)
            async with self._transport() as transport:
                wanted = {"Accept": ", ".join(accept), "Accept-Encoding": "gzip, deflate"}
                request = partial(self._request, target, "GET", wanted, None)
                response = await self._asked(transport, addresses, request)
                try:
                    if response.status_code not in _REDIRECTS:
                        with _redirected(first, target):
                            return await _read(response, target, accept, most)
                finally:
                    await response.aclose()
            location = response.headers.get("location", "")
            if not location or _ODD.search(location):
                raise _refused(target.shown, "redirects to no address", "잘못된 곳으로 넘깁니다")
            with _redirected(first, None):
                target = self._target(str(target.url.join(location)))
        most_hops = self._patience.redirects
        raise _refused(
            target.shown, f"redirects more than {most_hops} times", "너무 여러 번 넘깁니다"
        )

    def _target(self, url: str) -> _Target:
        target = self._parsed(url)
        if target.url.scheme not in PORTS:
            raise _refused(target.shown, "is not http or https", "http나 https 주소가 아닙니다")
        if "@" in _authority(url):
            raise _refused(target.shown, "carries a user name", "주소에 계정 정보가 있습니다")
        if target.opened:
            return target
        if target.port not in PORTS.values():
            raise _closed(target, "is on a port other than 80 and 443", "80과 443 포트만 됩니다")
        named = is_name(target.host) and not is_local_name(target.host)
        if target.address is None and not named:
            raise _closed(target, "is no public host", "공개된 호스트가 아닙니다")
        return target

    def _parsed(self, url: str) -> _Target:
        import httpx

        if len(url) > MAX_URL or _ODD.search(url):
            raise _refused(
                _written(url),
                "is too long or has odd characters",
                "주소가 너무 길거나 잘못되었습니다",
            )
        try:
            parsed = httpx.URL(url)
            host = parsed.raw_host.decode("ascii").lower().removesuffix(".")
            literal = as_address(host)
        except (httpx.InvalidURL, ValueError):
            raise _refused(
                _written(url),
                "is not a web address: its host is a name, or an IP address such as 192.0.2.7",
                "올바른 웹 주소가 아닙니다. 호스트는 이름이나 192.0.2.7 같은 IP 주소여야 합니다",
            ) from None
        port = PORTS.get(parsed.scheme, 0) if parsed.port is None else parsed.port
        bracketed = f"[{host}]" if ":" in host else host
        opened = f"{bracketed}:{port}" in self._private or (
            port in PORTS.values() and bracketed in self._private
        )
        address = str(literal) if literal else None
        path = parsed.raw_path.partition(b"?")[0].decode("ascii")
        named = bracketed if parsed.port is None else f"{bracketed}:{port}"
        shown = f"{parsed.scheme}://{named}{path}"[:_MOST_SHOWN]
        return _Target(parsed, host, address, port, opened, shown)

    async def _addresses(self, target: _Target) -> Sequence[str]:
        if target.address:
            found: Sequence[str] = [target.address]
        else:
            try:
                found = await self._resolve(target.host, target.port)
            except (OSError, UnicodeError):
                found = ()
        if not found:
            raise _refused(
                target.shown, "has a host that is not found", "호스트를 찾을 수 없습니다"
            )
        # One private address among public ones is how a name is made to reach inside.
        if not target.opened and not all(is_public(one) for one in found):
            raise _not_public(target)
        return found

    async def _asked(
        self,
        transport: httpx.AsyncBaseTransport,
        addresses: Sequence[str],
        request: Callable[[str], httpx.Request],
    ) -> httpx.Response:
        import httpx

        *others, last = addresses[:_TRIED]
        for address in others:
            try:
                return await transport.handle_async_request(request(address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await transport.handle_async_request(request(last))

    def _request(
        self,
        target: _Target,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None,
        address: str,
    ) -> httpx.Request:
        import httpx

        patience = self._patience
        waits = httpx.Timeout(patience.silence_s, connect=patience.connect_s)
        return httpx.Request(
            method,
            target.url.copy_with(host=address, fragment=None),
            headers={
                "Host": target.url.netloc.decode("ascii"),
                "User-Agent": "fabula",
                **headers,
                "Connection": "close",
            },
            content=body,
            extensions={"timeout": waits.as_dict(), "sni_hostname": target.host},
        )


async def _read(
    response: httpx.Response, target: _Target, accept: Collection[str], most: int
) -> Fetched:
    shown = target.shown
    if response.status_code != _OK:
        status = response.status_code
        raise _refused(shown, f"answers {status}", f"{attach(str(status), '으로')} 응답합니다")
    kind = response.headers.get("content-type", "")
    media_type = kind.partition(";")[0].strip().lower()
    if media_type not in accept:
        got = media_type[:80] or "none"
        raise _refused(shown, f"is of the type {got}", f"쓸 수 없는 형식입니다({got})")
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing not in PACKINGS:
        raise _refused(
            shown, "is packed in an unknown way", "알 수 없는 방식으로 압축되어 있습니다"
        )
    length = response.headers.get("content-length", "")
    too_large = _refused(shown, f"has more than {most:,} bytes", f"{most:,} 바이트를 넘습니다")
    if length.isdecimal() and (len(length) > _MOST_DIGITS or int(length) > most):
        raise too_large
    try:
        data = await read_body(response.aiter_raw(), packing=packing, most=most)
    except TooLarge:
        raise too_large from None
    except Damaged:
        raise _refused(shown, "is damaged", "압축된 내용이 깨져 있습니다") from None
    return Fetched(str(target.url), media_type, data)


def _authority(url: str) -> str:
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]


def _not_public(target: _Target) -> BadInput:
    return _closed(target, "leads to an address that is not public", "공개 주소가 아닙니다")


def _closed(target: _Target, en: str, ko: str) -> BadInput:
    """Refuse what an operator could open, and say how."""
    named = f"[{target.host}]" if ":" in target.host else target.host
    door = f"{named}:{target.port}"
    return _refused(
        target.shown,
        f"{en}; an operator may open `{door}` with FABULA_FETCH_PRIVATE_HOSTS",
        f"{ko}. 운영자가 FABULA_FETCH_PRIVATE_HOSTS에 {attach(f'`{door}`', '을')} 적으면 열립니다",
    )


@contextmanager
def _redirected(first: _Target, target: _Target | None) -> Iterator[None]:
    """Name the address that a person wrote, too, where another one is refused."""
    try:
        yield
    except BadInput as error:
        if target is first:
            raise
        raise _refused(
            first.shown, f"redirects to {error.en}", f"다른 주소로 넘깁니다. {error.ko}"
        ) from None


def _written(url: str) -> str:
    """Write an address that cannot be read, without what may be a secret in it."""
    scheme, slashes, rest = re.split(r"[?#]", url, maxsplit=1)[0].rpartition("://")
    plain = scheme + slashes + rest.rpartition("@")[2]
    return _ODD.sub("?", plain[:_MOST_SHOWN]) or "url"


def _refused(field: str, en: str, ko: str) -> BadInput:
    return BadInput(field, en, ko)


def _system_transport() -> httpx.AsyncBaseTransport:
    import httpx

    # One connection for one hop: it is never shared with another name on the same address.
    return httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))
