"""Bodies that are no request: too deep, too large, too slow, or of another kind."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import pytest
import pytest_asyncio
from fastapi import FastAPI

from fabula.service.bodies import BodyLimit
from fabula.service.problems import answer_errors
from tests.service.live import ECHO_RUN
from tests.service.raw import JSON, Answer, attacked, post, refused, send, written

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD = json.dumps(ECHO_RUN).encode()
DEEP = 100_000
TEN_MB = 10_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    async with attacked(tmp_path_factory.mktemp("hostile")) as made:
        yield made


def echo(text: str) -> bytes:
    """Return a request whose text is this piece of JSON."""
    return b'{"product": "echo", "brief": {"text": ' + text.encode() + b"}}"


BOMBS = {
    "lists": b"[" * DEEP,
    "lists, closed": b"[" * DEEP + b"]" * DEEP,
    "objects": b'{"a":' * DEEP,
    "objects, closed": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "lists in a brief": echo("[" * DEEP + "]" * DEEP),
    "lists not too deep to read": echo("[" * 300 + "]" * 300),
    "a text too deep down": echo("[" * 300 + r'"\u0000"' + "]" * 300),
    "a key of many": b'{"product": "echo", ' + b'"a": 1, ' * 100_000 + b'"brief": {}}',
    "many keys": b"{" + b",".join(b'"%d": 1' % n for n in range(200_000)) + b"}",
    "a number": echo("9" * 100_000),
    "a fraction": echo("0." + "1" * 100_000),
    "a power": echo("1e999"),
    "minus a power": echo("-1e999"),
    "a large power": echo("1e" + "9" * 1000),
    "NaN": echo("NaN"),
    "Infinity": echo("Infinity"),
    "-Infinity": echo("-Infinity"),
    "NaN as budget": GOOD[:-1] + b', "budget": NaN}',
    "Infinity as wait": GOOD[:-1] + b', "after_seconds": Infinity}',
    "a product twice": b'{"product": "magazine", ' + GOOD[1:],
    "a text twice": b'{"product": "echo", "brief": {"text": "a", "text": "b"}}',
    "a key twice, once spelt": b'{"product": "echo", "brief": {"text": "a", "te\\u0078t": "b"}}',
    "a comment": b"// a\n" + GOOD,
    "one quote": GOOD.replace(b'"', b"'"),
    "two documents": GOOD + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "no UTF-8": b'{"product": "echo", "brief": {"text": "\xff"}}',
    "half of a pair": echo(r'"\ud800"'),
    "half of a pair in UTF-8": b'{"product": "echo", "brief": {"text": "\xed\xa0\x80"}}',
    "bare control": b'{"product": "echo", "brief": {"text": "a\x00b"}}',
    "YAML": b"product: echo\nbrief: {text: &a [x, *a]}",
    "YAML aliases": b"a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\nproduct: echo\n",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "nothing": b"",
    "spaces": b" " * 1000,
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
async def test_json_that_is_none_is_refused_at_once(app: FastAPI, body: bytes) -> None:
    before = await written(app)
    for path in (b"/v1/runs", b"/v1/estimate"):
        began = time.perf_counter()
        answer = await send(app, "POST", path, body, [JSON])
        assert time.perf_counter() - began < 5
        told = await refused(app, answer, before)
        assert told["code"] in ("bad_json", "bad_input"), told


@pytest.mark.parametrize(
    ("body", "why", "why_ko"),
    [
        (BOMBS["no UTF-8"], "not UTF-8", "UTF-8이"),
        (b"\xff", "not UTF-8", "UTF-8이"),
        (BOMBS["half of a pair in UTF-8"], "not UTF-8", "UTF-8이"),
        (BOMBS["UTF-16"], "not UTF-8", "UTF-8이"),
        (b"[" * 3000, "nested too deeply", "깊이"),
        (BOMBS["objects, closed"], "nested too deeply", "깊이"),
        (echo("9" * 5000), "more than 4,300 digits", "4,300자리"),
        (GOOD + GOOD, "Extra data", "JSON"),
    ],
    ids=range(8),
)
async def test_what_is_wrong_with_the_json_is_told(
    app: FastAPI, body: bytes, why: str, why_ko: str
) -> None:
    before = await written(app)
    told = await refused(app, await send(app, "POST", b"/v1/runs", body, [JSON]), before)
    assert told["code"] == "bad_json"
    assert why in told["detail"]
    assert why_ko in told["detail_ko"]


@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"text/plain",
        b"text/json",
        b"application/xml",
        b"application/x-yaml",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/octet-stream",
        b"application/json-seq",
        b"image/png, application/json",
        b"\xff\xfe",
        b"a" * 10_000,
    ],
    ids=lambda kind: repr(kind)[:30],
)
async def test_only_json_is_read_as_json(app: FastAPI, kind: bytes) -> None:
    before = await written(app)
    answer = await send(app, "POST", b"/v1/runs", GOOD, [(b"content-type", kind)])
    assert (await refused(app, answer, before))["code"] == "unsupported_media_type"


@pytest.mark.parametrize("kind", [b"application/json;charset=utf-8", b"Application/JSON ; a=b"])
async def test_json_is_read_however_it_is_spelt(app: FastAPI, kind: bytes) -> None:
    marked = b"\xef\xbb\xbf" + GOOD
    for body in (GOOD, marked):
        answer = await send(app, "POST", b"/v1/runs", body, [(b"content-type", kind)])
        assert answer.status == 202


async def test_a_packed_body_is_not_unpacked(app: FastAPI) -> None:
    before = await written(app)
    bomb = gzip.compress(b" " * 50_000_000)
    headers = [JSON, (b"content-encoding", b"gzip")]
    answer = await send(app, "POST", b"/v1/runs", bomb, headers)
    assert (await refused(app, answer, before))["code"] == "bad_json"


async def test_a_body_of_more_than_ten_megabytes_is_refused_by_its_length(app: FastAPI) -> None:
    before = await written(app)
    for path in (b"/v1/runs", b"/v1/estimate", b"/v1/runs/x/decide", b"/nothing"):
        answer = await send(app, "POST", path, b" " * (TEN_MB + 1), [JSON])
        assert (await refused(app, answer, before))["code"] == "too_large"


@pytest.mark.parametrize("said", [None, b"10", b"x", b"-1", b"9" * 400])
async def test_a_body_that_goes_on_and_on_is_cut_off(app: FastAPI, said: bytes | None) -> None:
    before = await written(app)
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 100_000
            yield b" " * 100_000

    headers = [JSON, *([(b"content-length", said)] if said else [])]
    answer = await send(app, "POST", b"/v1/runs", pieces(), headers)
    assert (await refused(app, answer, before))["code"] == "too_large"
    assert taken <= TEN_MB + 200_000


async def test_a_body_that_stops_coming_is_given_up() -> None:
    small = FastAPI()
    answer_errors(small)
    small.add_middleware(BodyLimit, most=1000, silence_s=0.05)

    @small.post("/read")
    async def read(body: dict[str, int]) -> dict[str, int]:
        return body

    async with asyncio.timeout(5):
        answer: Answer = await send(small, "POST", b"/read", [b'{"a"', b": "], [JSON])
    assert (answer.status, answer.problem["code"]) == (408, "body_too_slow")
    assert answer.headers["connection"] == "close"
    whole = await send(small, "POST", b"/read", b'{"a": 1}', [JSON])
    assert (whole.status, json.loads(whole.body)) == (200, {"a": 1})


FRONT = "---\ntitle: 가을\n{}\n---\n" + "숲길을 오래 걸었다. " * 30
ALIASES = ["a: &a [x]", *(f"{b}: &{b} [{f'*{a},' * 9}]" for a, b in pairwise("abcdefghi"))]
FILES = {
    "aliases.md": FRONT.format(
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "\n".join(
            f"{n}: &{n} [{f'*{b},' * 9}]" for b, n in zip("abcdefgh", "bcdefghi", strict=True)
        )
    ),
    "deep.md": FRONT.format("a: " + "[" * 50_000),
    "objects.md": FRONT.format("a: !!python/object/apply:os.system ['true']"),
    "number.md": FRONT.format("a: 0x" + "f" * 20_000),
    "date.md": FRONT.format("date: 2026-13-40"),
    "deep.json": "[" * DEEP + "]" * DEEP,
    "twice.json": '{"posts": [], "posts": [{"id": "a", "title": "제목", "text": "글"}]}',
    "number.json": '[{"id": "a", "title": "제목", "text": ' + "9" * 10_000 + "}]",
    "nan.json": '[{"id": "a", "title": "제목", "text": NaN}]',
    "entities.rss": '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><rss><channel/></rss>',
    "inside.rss": '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss>&a;</rss>',
    "deep.html": "<div>" * DEEP,
}


def form(name: str, data: bytes) -> tuple[bytes, tuple[bytes, bytes]]:
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode("utf-8", "surrogatepass") + data + b"\r\n--x--\r\n"
    return body, (b"content-type", b"multipart/form-data; boundary=x")


@pytest.mark.parametrize("name", FILES)
async def test_a_file_that_is_a_bomb_does_no_harm(app: FastAPI, name: str) -> None:
    body, kind = form(name, FILES[name].encode())
    began = time.perf_counter()
    sent = await send(app, "POST", b"/v1/files", body, [kind])
    assert sent.status in (201, 415, 422), sent
    if sent.status == 201:
        named = {"angle": "가을", "sources": json.loads(sent.body)["reference"]}
        read = await post(app, "/v1/estimate", {"product": "magazine", "brief": named})
        assert read.status in (200, 422), read
        assert b"root:" not in read.body
    assert time.perf_counter() - began < 10


NAMES = [
    "",
    ".",
    "..",
    "../../etc/passwd",
    "/etc/cron.d/x.md",
    "..\\..\\x.md",
    "C:\\x.md",
    "x\0.md",
    "x.md\0.exe",
    "x\ud800.md",
    "\u202edm.exe.md",
    "a" * 300 + ".md",
    "가" * 300 + ".md",
    "a" * 50_000 + ".md",
    ".md",
    "con.md",
    "x.md/",
    "a\\r\\nX-Evil: 1.md",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:30])
async def test_no_file_is_kept_outside_by_its_name(app: FastAPI, name: str) -> None:
    home = app.state.service.store.home
    outside = sorted(path for path in home.parent.glob("*") if path != home)
    body, kind = form(name, "# 가을".encode())
    answer = await send(app, "POST", b"/v1/files", body, [kind])
    assert answer.status in (200, 201, 400, 413, 415, 422), answer
    assert sorted(path for path in home.parent.glob("*") if path != home) == outside
    if answer.status in (200, 201):
        kept = json.loads(answer.body)["name"]
        assert 0 < len(kept) <= 255
        assert not {"/", "\\", "\0", "\r", "\n"} & set(kept)
    else:
        assert answer.problem["code"]
