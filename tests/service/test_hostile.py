"""Requests that no generator thinks of: refused with a stable code, and nothing written."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from fastapi import FastAPI

from fabula.testing.servers import PostgresServer
from tests.service.live import ECHO_RUN
from tests.service.raw import JSON, attacked, post, refused, send, written

pytestmark = pytest.mark.asyncio(loop_scope="module")

POST = {"id": "a", "title": "제목", "text": "글"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, postgres_template: str
) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    yield postgres_server.create_database("hostile", template=postgres_template)
    postgres_server.drop_database("hostile")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(url: str | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    async with attacked(tmp_path_factory.mktemp("hostile"), url) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def run(app: FastAPI) -> str:
    made = await post(app, "/v1/runs", ECHO_RUN)
    assert made.status == 202
    return str(json.loads(made.body)["run_id"])


EVIL = [
    "..",
    "../..",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2ffabula.db",
    "..%252f..%252fetc%252fpasswd",
    "%25252e%25252e%25252f",
    "..%5c..%5cfabula.db",
    "..\\..\\fabula.db",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "C:%5cwindows%5cwin.ini",
    "%5c%5chost%5cshare",
    "file:%2f%2f%2fetc%2fpasswd",
    "x%00",
    "x%00.json",
    "%c0%ae%c0%ae%c0%af",
    "%e2%80%a4%e2%80%a4%e2%80%a5",
    "%ef%bc%8e%ef%bc%8e%ef%bc%8f",
    "%ed%a0%80",
    "%ff%fe",
    "%",
    "%zz",
    "x%0d%0aX-Evil:%201",
    "%7b%22$ne%22:null%7d",
    "'%20OR%201=1%20--",
    "*",
    "-1",
    "null",
    "~root",
    "con",
    "%F0%9F%98%80",
    "%e2%80%ae",
    "a" * 10_000,
    quote("가" * 3000),
]


@pytest.mark.parametrize("evil", EVIL, ids=lambda evil: evil[:30])
async def test_no_path_parameter_leads_anywhere(app: FastAPI, run: str, evil: str) -> None:
    before = await written(app)
    paths = app.openapi()["paths"]
    targets = {
        (method.upper(), aimed(path, name, evil, run))
        for path in paths
        for name in re.findall(r"{(\w+)}", path)
        for method in paths[path]
    }
    assert len(targets) > 15
    for method, target in sorted(targets):
        body = b"{}" if method == "POST" else b""
        answer = await send(app, method, target, body, [JSON] if body else [])
        await refused(app, answer, before)
        assert answer.status in (404, 405, 422), target
        assert "x-evil" not in answer.headers
        assert b"root:" not in answer.body


def aimed(path: str, name: str, evil: str, run: str) -> bytes:
    """Put something evil in a parameter's place, and what is there in the others'."""
    for other in re.findall(r"{(\w+)}", path):
        value = evil if other == name else {"run": run}.get(other, "x")
        path = path.replace(f"{{{other}}}", value)
    return path.encode("ascii")


ODD = [{"$ne": None}, ["a"], {"id": "a"}, True, 1, 1.5, [], {}, [[["a"]]]]
FIELDS = ["product", "project", "thread", "profile", "webhook", "queue"]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("name", [*FIELDS, "brief", "flags", "timeout_s", "after_seconds"])
async def test_what_is_no_id_stands_for_none(app: FastAPI, name: str, odd: object) -> None:
    fits: dict[str, tuple[object, ...]] = {
        "timeout_s": (1, 1.5),
        "after_seconds": (1, 1.5),
        "flags": ({},),
    }
    if type(odd) is not bool and odd in fits.get(name, ()):
        return
    before = await written(app)
    told = await refused(app, await post(app, "/v1/runs", {**ECHO_RUN, name: odd}), before)
    assert told["code"] == "bad_input"
    assert told["field"].startswith(name)


@pytest.mark.parametrize(
    "query",
    [
        "project[$ne]=x",
        "project[]=x",
        'project={"$ne":null}',
        "project=a&project[gt]=",
        "project=" + quote("a' OR '1'='1"),
        "product[$regex]=.*",
        'thread["a"]=x',
        "status[$ne]=failed",
        'status={"$ne":"failed"}',
        "status=failed,running",
        "status=" + "&status=".join(["failed"] * 9),
        "limit[]=1",
        "limit=true",
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=1e2",
        "limit=" + "9" * 400,
        "cursor=-1",
        "cursor[]=x",
        "cursor=" + "A" * 401,
        "cursor=" + "W" * 400,
        "cursor=WzFlOTk5LCJhIl0",  # [1e999,"a"]
        "cursor=WzEuNSwiXHVkODAwIl0",  # [1.5,"\ud800"]
        "cursor=WzEuNSwiXHUwMDAwIl0",  # [1.5,"\u0000"]
        "cursor=W251bGwse31d",  # [null,{}]
        "staus=failed",
        "a=1",
        "%00=1",
    ],
    ids=lambda query: query[:40],
)
async def test_a_list_takes_no_filter_but_its_own(app: FastAPI, query: str) -> None:
    before = await written(app)
    answer = await send(app, "GET", f"/v1/runs?{query}".encode())
    told = await refused(app, answer, before)
    assert (answer.status, told["code"]) == (422, "bad_input")


@pytest.mark.parametrize(
    "query",
    ["wait=-1", "wait=61", "wait=nan", "wait=inf", "wait=-inf", "wait=1e999", "wait=", "wait=1,5"],
)
async def test_nobody_waits_for_ever(app: FastAPI, run: str, query: str) -> None:
    answer = await send(app, "GET", f"/v1/runs/{run}?{query}".encode())
    assert (answer.status, answer.problem["field"]) == (422, "wait")


@pytest.mark.parametrize("after", ["-1", "2147483648", "1e3", "9" * 5000, "", "0x1", "１x"])
async def test_no_stream_begins_nowhere(app: FastAPI, run: str, after: str) -> None:
    target = f"/v1/runs/{run}/events?after={quote(after)}".encode()
    answer = await send(app, "GET", target)
    assert (answer.status, answer.problem["field"]) == (422, "after")


NAMES = [
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "a b",
    "a\n",
    "가을\u0000",
    "\u202eabc",
    "a\u200bb",
    "e\u0301",
    "ａｂ",
    "😀",
    "-a",
    "_a",
    "<script>",
    "a" * 65,
    "가" * 65,
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:20])
async def test_a_project_has_a_plain_name(app: FastAPI, name: str) -> None:
    before = await written(app)
    told = await refused(app, await post(app, "/v1/runs", {**ECHO_RUN, "project": name}), before)
    assert (told["code"], told["field"]) == ("bad_input", "project")


LONG = [
    ("/v1/runs", {**ECHO_RUN, "thread": "t" * 129}, "thread"),
    ("/v1/runs", {**ECHO_RUN, "profile": "p" * 65}, "profile"),
    ("/v1/runs", {**ECHO_RUN, "webhook": "https://example.com/" + "a" * 1990}, "webhook"),
    ("/v1/runs", {**ECHO_RUN, "budget": 1e300}, "budget"),
    ("/v1/runs", {**ECHO_RUN, "budget": 10**400}, "budget"),
    ("/v1/runs", {**ECHO_RUN, "timeout_s": 1e300}, "timeout_s"),
    ("/v1/runs", {**ECHO_RUN, "after_seconds": 1e300}, "after_seconds"),
    ("/v1/runs", {**ECHO_RUN, "flags": {"f" * 5000: 1}}, "flags"),
    ("/v1/runs", {**ECHO_RUN, "flags": {"writers": 10**30}}, "flags.writers"),
    ("/v1/runs", {**ECHO_RUN, "x" * 5000: 1}, "x"),
    ("/v1/runs", {"product": "p" * 5000, "brief": {}}, "product"),
    ("/v1/estimate", {"product": "magazine", "brief": {"angle": "a" * 2001}}, "brief.angle"),
    (
        "/v1/runs",
        {"product": "magazine", "brief": {"angle": "a", "posts": [{**POST, "id": "i" * 81}]}},
        "brief.posts.0.id",
    ),
]


@pytest.mark.parametrize(("path", "body", "field"), LONG, ids=lambda part: str(part)[:20])
async def test_nothing_is_longer_or_larger_than_its_column(
    app: FastAPI, path: str, body: object, field: str
) -> None:
    before = await written(app)
    told = await refused(app, await post(app, path, body), before)
    assert told["code"] == "bad_input"
    assert told["field"].startswith(field)


async def test_what_just_fits_is_kept_whole(app: FastAPI) -> None:
    asked = {
        **ECHO_RUN,
        "project": "가" * 64,
        "thread": "😀" * 128,
        "webhook": "https://example.com/" + "a" * 1980,
        "budget": 1e9 - 1,
        "timeout_s": 30 * 86_400,
        "after_seconds": 30 * 86_400,
    }
    made = await post(app, "/v1/runs", asked, idempotency_key="k" * 255)
    assert made.status == 202, made.body
    seen = json.loads(made.body)
    for name in ("project", "thread", "budget", "timeout_s"):
        assert seen[name] == asked[name]
    again = await post(app, "/v1/runs", asked, idempotency_key="k" * 255)
    assert json.loads(again.body)["run_id"] == seen["run_id"]
    listed = await send(app, "GET", f"/v1/runs?thread={quote('😀' * 128)}".encode())
    assert [one["run_id"] for one in json.loads(listed.body)["runs"]] == [seen["run_id"]]


@pytest.mark.parametrize(
    "key", [b"", b"a b", b"k" * 256, "키".encode(), b"a\x00b", b"a\tb", b"\xff\xfe", b"a\x7fb"]
)
async def test_an_idempotency_key_is_plain(app: FastAPI, key: bytes) -> None:
    before = await written(app)
    headers = [JSON, (b"idempotency-key", key)]
    answer = await send(app, "POST", b"/v1/runs", json.dumps(ECHO_RUN).encode(), headers)
    told = await refused(app, answer, before)
    assert (told["code"], told["field"]) == ("bad_input", "idempotency-key")


NAMED = ("id", "title", "text", "author", "url", "date", "image", "image_alt")


def everywhere(text: str) -> list[tuple[str, object]]:
    """Put a text wherever one may stand."""
    briefs = [
        {"angle": text, "posts": [POST]},
        *({"angle": "가", "posts": [{**POST, name: text}]} for name in ("title", "text", "author")),
        *(
            {"angle": "가", "posts": [{**POST, name: text}]}
            for name in ("url", "image_alt", "image")
        ),
        {"angle": "가", "posts": [{**POST, "tags": ["가", text]}]},
        {"angle": "가", "posts": [POST], "featured": [text]},
        {"angle": "가", "sources": text},
    ]
    runs: list[object] = [{"product": "magazine", "brief": brief} for brief in briefs]
    runs.append({**ECHO_RUN, "brief": {"text": text}})
    runs += [{**ECHO_RUN, name: text} for name in ("project", "thread", "profile", "webhook")]
    runs += [{**ECHO_RUN, "flags": {"fallback_models": [text]}}, {**ECHO_RUN, text: 1}]
    own = "/v1/runs/{run}"
    return [
        *(("/v1/runs", body) for body in runs),
        *(("/v1/estimate", {"product": "magazine", "brief": brief}) for brief in briefs[:2]),
        (f"{own}/decide", {"ask": text, "answer": {}}),
        (f"{own}/decide", {"answer": {"a": {"b": [text]}}}),
        (f"{own}/decide", {"answer": {text: 1}}),
        (f"{own}/resume", {"budget": text}),
        (f"{own}/changes/x", {"request": {"a": text}}),
        (f"{own}/changes/x", {"request": {}, "flags": {text: 1}}),
    ]


@pytest.mark.parametrize("text", ["a\0b", "\0", "\ud800", "\udfff\ud83d"], ids=ascii)
async def test_no_text_holds_what_no_database_takes(app: FastAPI, run: str, text: str) -> None:
    before = await written(app)
    for path, body in everywhere(text):
        told = await refused(app, await post(app, path.format(run=run), body), before)
        assert told["code"] in ("bad_input", "bad_json"), (body, told)


async def test_a_text_that_only_spells_it_is_kept(app: FastAPI) -> None:
    answer = await post(app, "/v1/runs", {**ECHO_RUN, "brief": {"text": "\\u0000 \\ud800 가"}})
    assert answer.status == 202
