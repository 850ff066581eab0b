"""Where the guard goes: real sockets on loopback; what names resolve to is injected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import httpx
import pytest

from fabula.errors import BadInput
from fabula.safety.fetch import GuardedFetch
from tests.unit.safety.fetching import (
    HTML,
    PUBLIC,
    Recorder,
    answer,
    got,
    names,
    opened,
    page,
    server,
)

REFUSED = {
    "file": "file:///etc/passwd",
    "ftp": "ftp://example.com/a",
    "gopher": "gopher://example.com:80/_x",
    "data": "data:text/html,hi",
    "javascript": "javascript:alert(1)",
    "no scheme": "//example.com/a",
    "no host": "http:///a",
    "unix": "http+unix://%2Fvar%2Frun%2Fdocker.sock/a",
    "loopback": "http://127.0.0.1/",
    "loopback net": "http://127.8.9.10/",
    "unspecified": "http://0.0.0.0/",
    "short": "http://127.1/",
    "decimal": "http://2130706433/",
    "octal": "http://0177.0.0.1/",
    "octal in full": "http://017700000001/",
    "hex": "http://0x7f000001/",
    "hex by parts": "http://0x7f.0x0.0x0.0x1/",
    "public but decimal": "http://134744072/",
    "private 10": "http://10.0.0.5/",
    "private 172": "http://172.16.3.4/",
    "private 192": "http://192.168.0.1/",
    "carrier": "http://100.64.0.1/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "metadata elsewhere": "http://168.63.129.16/",
    "multicast": "http://224.0.0.251/",
    "broadcast": "http://255.255.255.255/",
    "reserved": "http://240.0.0.1/",
    "ipv6 loopback": "http://[::1]/",
    "ipv6 unspecified": "http://[::]/",
    "ipv6 mapped": "http://[::ffff:127.0.0.1]/",
    "ipv6 mapped in hex": "http://[::ffff:7f00:1]/",
    "ipv6 compatible": "http://[::127.0.0.1]/",
    "ipv6 translated": "http://[64:ff9b::7f00:1]/",
    "ipv6 local translated": "http://[64:ff9b:1::7f00:1]/",
    "ipv6 6to4": "http://[2002:7f00:1::]/",
    "ipv6 teredo": "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "ipv6 link": "http://[fe80::1]/",
    "ipv6 with a zone": "http://[fe80::1%25eth0]/",
    "ipv6 site": "http://[fec0::1]/",
    "ipv6 unique local": "http://[fd00:ec2::254]/",
    "ipv6 multicast": "http://[ff02::1]/",
    "trailing dot": "http://127.0.0.1./",
    "two trailing dots": "http://127.0.0.1../",
    "localhost": "http://localhost/",
    "localhost with a dot": "http://LOCALHOST./",
    "under localhost": "http://a.localhost/",
    "one label": "http://db/",
    "mdns": "http://printer.local/",
    "internal": "http://metadata.google.internal/",
    "wide digits": "http://１２７.０.０.１/",
    "circled digits": "http://①②⑦.⓪.⓪.①/",
    "ideographic stops": "http://127。0。0。1/",
    "idn dot": "http://localhost\u3002/",
    "percent": "http://127.0.0.1%2f.example.com/",
    "zero byte": "http://example.com%00.internal/",
    "user": "http://example.com@127.0.0.1/",
    "user of a public host": "http://user:secret@example.com/",
    "empty user": "http://@example.com/",
    "backslash": "http://example.com\\@127.0.0.1/",
    "tab": "http://127.0.0\t.1/",
    "line end": "http://example.com/\r\nHost: db",
    "redis": "http://example.com:6379/",
    "ssh": "https://example.com:22/",
    "past all ports": "http://example.com:99999/",
    "port zero": "http://example.com:0/",
    "overlong": "http://example.com/" + "a" * 3_000,
    "empty": "",
    "a private name": "http://inside.example.com/",
    "a name with a private second": "http://mixed.example.com/",
    "a mapped answer": "http://mapped.example.com/",
    "a translated answer": "http://nat64.example.com/",
    "a wildcard name": "http://127.0.0.1.nip.example.com/",
    "an unknown name": "http://nowhere.example.com/",
    "a name without addresses": "http://empty.example.com/",
}
TABLE = {
    "example.com": [PUBLIC],
    "inside.example.com": ["10.0.0.5"],
    "mixed.example.com": [PUBLIC, "127.0.0.1"],
    "mapped.example.com": ["::ffff:169.254.169.254"],
    "nat64.example.com": ["64:ff9b::a9fe:a9fe"],
    "127.0.0.1.nip.example.com": ["127.0.0.1"],
    "empty.example.com": [],
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
async def test_is_refused_before_anything_is_sent(url: str) -> None:
    connection = Recorder()
    fetch = GuardedFetch(resolve=names(TABLE), transport=lambda: connection)
    with pytest.raises(BadInput) as caught:
        await fetch(url, accept=HTML, most=1_000)
    assert not connection.requests
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", [url for name, url in REFUSED.items() if name not in ("no scheme", "empty user")]
)
async def test_is_refused_as_the_target_of_a_redirect(url: str) -> None:
    connection = Recorder(page(302, location=url))
    fetch = GuardedFetch(resolve=names(TABLE), transport=lambda: connection)
    with pytest.raises(BadInput):
        await fetch("https://example.com/", accept=HTML, most=1_000)
    assert len(connection.requests) == 1


async def test_the_connection_is_made_to_the_address_that_was_checked() -> None:
    asked: list[str] = []

    async def turning(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    connection = Recorder(page())
    fetch = GuardedFetch(resolve=turning, transport=lambda: connection)
    fetched = await fetch("https://Blog.Example.com/글?x=1#part", accept=HTML, most=1_000)
    (request,) = connection.requests
    assert asked == ["blog.example.com"]
    assert request.url.host == PUBLIC
    assert request.url.raw_path == b"/%EA%B8%80?x=1"
    assert request.headers["host"] == "blog.example.com"
    assert request.extensions["sni_hostname"] == "blog.example.com"
    assert fetched.media_type == "text/html"
    assert fetched.url.startswith("https://blog.example.com/")


async def test_a_name_that_turns_private_between_two_hops_is_refused() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])

    async def turning(host: str, port: int) -> Sequence[str]:
        return next(answers)

    connection = Recorder(page(302, location="/again"), page())
    fetch = GuardedFetch(resolve=turning, transport=lambda: connection)
    with pytest.raises(BadInput, match="not public"):
        await fetch("http://example.com/", accept=HTML, most=1_000)
    assert len(connection.requests) == 1


async def test_a_korean_name_is_asked_in_ascii() -> None:
    connection = Recorder(page())
    fetch = GuardedFetch(
        resolve=names({"xn--bj0bj06e.com": [PUBLIC]}), transport=lambda: connection
    )
    await fetch("http://한글.com/", accept=HTML, most=1_000)
    assert connection.requests[0].headers["host"] == "xn--bj0bj06e.com"


async def test_the_next_address_is_tried_where_one_does_not_connect() -> None:
    class Halting(Recorder):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == PUBLIC:
                raise httpx.ConnectError("refused")
            return await super().handle_async_request(request)

    connection = Halting(page())
    fetch = GuardedFetch(
        resolve=names({"example.com": [PUBLIC, "2606:2800:220:1::1"]}), transport=lambda: connection
    )
    await fetch("http://example.com/", accept=HTML, most=1_000)
    assert [one.url.host for one in connection.requests] == ["2606:2800:220:1::1"]


async def test_the_server_sees_the_name_and_not_the_address_in_the_handshake() -> None:
    hello = b""
    done = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hello
        hello = await reader.read(4_096)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        done.set()

    listening = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    fetch = GuardedFetch(
        private_hosts=[f"blog.example.com:{port}"],
        resolve=names({"blog.example.com": ["127.0.0.1"]}),
    )
    with pytest.raises(BadInput, match="cannot be read"):
        await fetch(f"https://blog.example.com:{port}/", accept=HTML, most=1_000)
    listening.close()
    await done.wait()
    assert b"blog.example.com" in hello


async def test_loopback_stays_closed_until_the_operator_opens_that_host_and_port() -> None:
    async with server(answer()) as port:
        for hosts in ((), ("127.0.0.1",), (f"127.0.0.1:{port + 1}",), (f"localhost:{port}",)):
            fetch = GuardedFetch(private_hosts=hosts)
            with pytest.raises(BadInput):
                await fetch(f"http://127.0.0.1:{port}/", accept=HTML, most=1_000)
        assert (await got(port)).data == b"<p>hi</p>"


async def test_redirects_are_followed_and_each_is_checked() -> None:
    seen: list[str] = []

    async def hops(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = head.split()[1]
        seen.append(path)
        number = int(path.rpartition("/")[2] or 0)
        if number >= wanted:
            await answer()(head, reader, writer)
        else:
            await answer(b"", status="302 Found", Location=f"/to/{number + 1}")(
                head, reader, writer
            )

    async with server(hops) as port:
        fetch, url = opened(port), f"http://127.0.0.1:{port}/to/0"
        wanted = 5
        fetched = await fetch(url, accept=HTML, most=1_000)
        assert (fetched.url, len(seen)) == (f"http://127.0.0.1:{port}/to/5", 6)
        wanted = 6
        with pytest.raises(BadInput, match="redirects more than 5"):
            await fetch(url, accept=HTML, most=1_000)
        assert len(seen) == 12


async def test_a_redirect_to_another_port_of_this_machine_is_refused() -> None:
    reached = False

    async def secret(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached = True

    async with server(secret) as inner:
        location = f"http://127.0.0.1:{inner}/admin"
        async with server(answer(b"", status="307 Moved", Location=location)) as port:
            with pytest.raises(BadInput):
                await got(port)
    assert not reached


async def test_a_redirect_without_a_place_is_refused() -> None:
    async with server(answer(b"", status="301 Moved")) as port:
        with pytest.raises(BadInput, match="redirects to no address"):
            await got(port)


@pytest.mark.parametrize(
    ("url", "door"),
    [
        ("http://127.0.0.1/posts", "127.0.0.1:80"),
        ("http://example.com:18083/posts", "example.com:18083"),
        ("https://wiki/posts", "wiki:443"),
        ("http://[::1]/posts", "[::1]:80"),
        ("http://inside.example.com/posts", "inside.example.com:80"),
    ],
)
async def test_a_closed_door_says_how_an_operator_opens_it(url: str, door: str) -> None:
    async def fetched(*opened: str) -> None:
        fetch = GuardedFetch(
            private_hosts=opened, resolve=names(TABLE), transport=lambda: Recorder(page())
        )
        await fetch(url, accept=HTML, most=1_000)

    with pytest.raises(BadInput) as caught:
        await fetched()
    for text in (caught.value.en, caught.value.ko):
        assert url in text
        assert f"`{door}`" in text
        assert "FABULA_FETCH_PRIVATE_HOSTS" in text
    if "wiki" not in url and ":18083" not in url:
        await fetched(door)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://2130706433/", "http://2130706433/"),
        ("http://0x7f.1/a?key=secret", "http://0x7f.1/a"),
        ("http://me:secret@127.1/a", "http://127.1/a"),
        ("http://a b/", "http://a?b/"),
    ],
)
async def test_an_address_that_cannot_be_read_is_named(url: str, named: str) -> None:
    with pytest.raises(BadInput) as caught:
        await GuardedFetch()(url, accept=HTML, most=1_000)
    assert caught.value.field == named
    assert "secret" not in caught.value.en + caught.value.ko


@pytest.mark.parametrize("inside", ["http://127.0.0.1:9/admin", "http://2130706433/"])
async def test_after_a_redirect_both_addresses_are_named(inside: str) -> None:
    connection = Recorder(page(302, location=inside))
    fetch = GuardedFetch(resolve=names(TABLE), transport=lambda: connection)
    with pytest.raises(BadInput) as caught:
        await fetch("https://example.com/feed", accept=HTML, most=1_000)
    assert caught.value.field == "https://example.com/feed"
    assert inside in caught.value.en
    assert inside in caught.value.ko
