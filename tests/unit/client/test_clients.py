"""Both clients drive the same flows: what is said of one is said of the other."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fabula.client import AsyncClient, Client, Retry
from fabula.client.operations import Operations
from fabula.errors import BadInput, ServiceAway, ServiceError, UnknownRun
from tests.unit.client.test_operations import RUN

KEY = "fab_abc_secretsecretsecret"
QUICK = Retry(first_s=0.001, longest_s=0.001, patience_s=0.1, absent_s=0.1, follow_s=0.1)
SHARED = {name for name in vars(Operations) if not name.startswith(("_", "page_of"))} - {"artifact"}
OWN = {"runs", "files", "events", "save", "save_all", "zip", "close", "url"}

Handler = Callable[[httpx.Request], httpx.Response]
Ask = Callable[..., Any]


class Both:
    """Ask the blocking or the asynchronous client in the same words."""

    def __init__(self, kind: str, handler: Handler, **options: Any) -> None:
        given = {"retry": QUICK, "transport": httpx.MockTransport(handler), **options}
        self._kind = kind
        self._given = given

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if self._kind == "blocking":
            with Client(**self._given) as client:
                found = getattr(client, name)(*args, **kwargs)
                return list(found) if inspect.isgenerator(found) else found

        async def ask() -> Any:
            async with AsyncClient(**self._given) as client:
                found = getattr(client, name)(*args, **kwargs)
                if inspect.isasyncgen(found):
                    return [one async for one in found]
                return await found

        return asyncio.run(ask())


@pytest.fixture(params=["blocking", "asynchronous"])
def asking(request: pytest.FixtureRequest) -> Callable[..., Both]:
    def make(handler: Handler, **options: Any) -> Both:
        return Both(request.param, handler, **options)

    return make


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_client_has_every_operation_and_its_signature(client: type) -> None:
    public = {name for name in dir(client) if not name.startswith("_")}
    assert public == SHARED | OWN
    for name in SHARED:
        mine, flow = getattr(client, name), getattr(Operations, name)
        assert mine.__doc__ == flow.__doc__
        signature = inspect.signature(mine)
        assert list(signature.parameters) == list(inspect.signature(flow).parameters)
        assert not str(signature.return_annotation).startswith("Flow")


def test_the_key_goes_with_every_request(asking: Callable[..., Both]) -> None:
    seen = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, json=RUN)

    asking(serve, api_key=KEY)("get", "r1")
    assert seen == [f"Bearer {KEY}"]


def test_the_key_is_a_setting(asking: Callable[..., Both], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABULA_API_KEY", KEY)
    seen = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json=RUN)

    asking(serve)("get", "r1")
    assert seen == [f"Bearer {KEY}"]


def test_no_other_host_gets_the_key(asking: Callable[..., Both]) -> None:
    hosts = []

    def serve(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(307, headers={"Location": "https://evil.example/v1/runs/r1"})

    with pytest.raises(ServiceError) as caught:
        asking(serve, api_key=KEY, url="https://good.example")("get", "r1")
    assert hosts == ["good.example"]
    assert "evil.example" in caught.value.en


def test_a_redirect_of_the_service_itself_keeps_the_key(asking: Callable[..., Both]) -> None:
    seen = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), request.headers["authorization"]))
        if request.url.path == "/v1/runs/r1":
            return httpx.Response(308, headers={"Location": "/moved"})
        return httpx.Response(200, json=RUN)

    asking(serve, api_key=KEY, url="https://good.example")("get", "r1")
    assert seen[1] == ("https://good.example/moved", f"Bearer {KEY}")


def test_an_address_may_have_a_path_before_the_services_own(asking: Callable[..., Both]) -> None:
    seen = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json=RUN)

    asking(serve, url="https://good.example/fabula/")("get", "r1", wait_s=3)
    assert seen == ["https://good.example/fabula/v1/runs/r1?wait=3"]


def test_the_key_is_in_no_log_and_no_text(
    asking: Callable[..., Both], caplog: pytest.LogCaptureFixture
) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            404, json={"code": "unknown_run", "detail": "no", "detail_ko": "없음"}
        )

    with caplog.at_level(logging.DEBUG), pytest.raises(UnknownRun) as caught:
        asking(serve, api_key=KEY)("get", "r1")
    with Client(api_key=SecretStr(KEY)) as client:
        shown = [repr(client), str(vars(client)), str(caught.value), caplog.text]
    assert "secretsecret" not in "".join(shown)


@pytest.mark.parametrize("key", ["", "with space", "줄\n바꿈", f"{KEY}\r\nX: y"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(BadInput) as caught:
        Client(api_key=key)
    assert caught.value.field == "api_key"
    assert not key or key not in caught.value.en


def test_pages_are_gone_through_to_the_last(asking: Callable[..., Both]) -> None:
    seen = []

    def serve(request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("cursor")
        seen.append((cursor, request.url.params.get_list("status")))
        number = int(cursor or 0)
        runs = [{**RUN, "run_id": f"r{number}"}]
        return httpx.Response(
            200, json={"runs": runs, "next": str(number + 1) if number < 2 else None}
        )

    found = asking(serve)("runs", status=["failed", "cancelled"])
    assert [one.run_id for one in found] == ["r0", "r1", "r2"]
    assert seen == [(cursor, ["failed", "cancelled"]) for cursor in (None, "1", "2")]


def test_lost_answers_are_asked_for_again_with_the_same_key_of_the_run(
    asking: Callable[..., Both],
) -> None:
    keys = []

    def serve(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) < 3:
            raise httpx.ReadError("cut", request=request)
        return httpx.Response(202, json=RUN)

    asking(serve)("submit", "echo", {})
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_nobody_there_is_an_error_of_ours(asking: Callable[..., Both]) -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(ServiceAway):
        asking(serve)("products")


def test_a_file_is_sent_whole_on_every_try(asking: Callable[..., Both], tmp_path: Path) -> None:
    (tmp_path / "글.md").write_text("# 가을\n", "utf-8")
    bodies = []

    def serve(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        if len(bodies) < 3:
            return httpx.Response(503)
        known = {"file_id": "f", "reference": "file:f", "name": "글.md", "hash": "0", "size": 1}
        more = {"media_type": "text/markdown", "created_at": "2026-03-01T00:00:00Z"}
        return httpx.Response(201, json={**known, **more})

    class Streamed(httpx.MockTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.read()
            return super().handle_request(request)

    asked = asking(serve, transport=Streamed(serve))("upload", tmp_path / "글.md")
    assert asked.reference == "file:f"
    assert all("# 가을\n".encode() in body for body in bodies)
    assert len(bodies) == 3


class _Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off, or ends, behind its chunks."""

    def __init__(self, *chunks: bytes, cut: bool) -> None:
        self._chunks = chunks
        self._cut = cut

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
        if self._cut:
            raise httpx.ReadError("cut")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


@pytest.mark.parametrize("cut", [True, False])
def test_events_go_on_after_a_connection_that_ended(asking: Callable[..., Both], cut: bool) -> None:
    seen = []

    def serve(request: httpx.Request) -> httpx.Response:
        after = int(request.headers["last-event-id"])
        seen.append(after)
        if after == 3:
            end = b'event: end\ndata: {"status": "succeeded", "code": null}\n\n'
            return httpx.Response(200, stream=_Cut(end, cut=False))
        frames = [
            f'id: {n}\nevent: x\ndata: {{"type": "x", "seq": {n}}}\n\n'.encode()
            for n in (after, after + 1)
        ]
        return httpx.Response(200, stream=_Cut(b"retry: 1\n\n", *frames, b"id: 9", cut=cut))

    events = asking(serve)("events", "r1")
    assert [one.seq for one in events] == [1, 2, 3, None]
    assert seen == [0, 1, 2, 3]


@pytest.mark.parametrize("whole_at", [1, 3, None])
def test_a_file_that_broke_off_is_fetched_again(
    asking: Callable[..., Both], tmp_path: Path, whole_at: int | None
) -> None:
    data, tries = b"x" * 1000, []
    hash_ = hashlib.sha256(data).hexdigest()
    listed = {"name": "a.txt", "media_type": "text/plain", "size": 1000, "hash": hash_}

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/artifacts"):
            return httpx.Response(200, json={"artifacts": [listed]})
        tries.append(1)
        part = data if len(tries) == whole_at else data[:400]
        # The first breaks off, the second ends early as if nothing were wrong.
        return httpx.Response(200, stream=_Cut(part, cut=len(tries) == 1 and whole_at != 1))

    ask = asking(serve)
    if whole_at is None:
        with pytest.raises(ServiceError):
            ask("save", "r1", "a.txt", tmp_path / "a.txt")
        assert (len(tries), list(tmp_path.iterdir())) == (3, [])
        return
    assert ask("save_all", "r1", tmp_path / "out") == [tmp_path / "out" / "a.txt"]
    assert (tmp_path / "out" / "a.txt").read_bytes() == data
    assert len(tries) == whole_at
