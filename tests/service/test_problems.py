"""Errors: one shape, two languages, the field, nothing of the inside."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from fabula import errors
from fabula.errors import FabulaError, StoreUnavailable
from fabula.service.bodies import BodyLimit
from fabula.service.problems import answer_errors, status_of
from fabula.settings import Settings
from tests.service.live import posted, serving

HANGUL = re.compile("[가-힣]")
POST = {"id": "a", "title": "제목", "text": "글"}
MAGAZINE: dict[str, Any] = {"product": "magazine", "brief": {"angle": "가을", "posts": [POST]}}


def brief(**given: Any) -> dict[str, Any]:
    return {**MAGAZINE, "brief": {**MAGAZINE["brief"], **given}}


WRONG: list[tuple[Any, str]] = [
    ({}, "product"),
    ({"product": "nothing", "brief": {}}, "product"),
    ({"product": 1, "brief": {}}, "product"),
    ({"product": "magazine"}, "brief"),
    ({**MAGAZINE, "more": 1}, "more"),
    ({**MAGAZINE, "budget": True}, "budget"),
    ({**MAGAZINE, "budget": "1"}, "budget"),
    ({**MAGAZINE, "budget": 0}, "budget"),
    ({**MAGAZINE, "timeout_s": -1}, "timeout_s"),
    ({**MAGAZINE, "after_seconds": -1}, "after_seconds"),
    ({**MAGAZINE, "project": "a b"}, "project"),
    ({**MAGAZINE, "project": "a\u0000"}, "project"),
    ({**MAGAZINE, "project": {"$ne": None}}, "project"),
    ({**MAGAZINE, "thread": ""}, "thread"),
    ({**MAGAZINE, "thread": "a\u0000"}, "thread"),
    ({**MAGAZINE, "queue": "fast"}, "queue"),
    ({**MAGAZINE, "profile": "nothing"}, "profile"),
    ({**MAGAZINE, "webhook": "file:///etc"}, "webhook"),
    ({**MAGAZINE, "flags": {"mode": "none"}}, "flags.mode"),
    ({**MAGAZINE, "flags": {"polish_enabled": 1}}, "flags.polish_enabled"),
    ({**MAGAZINE, "flags": {"nothing": 1}}, "flags.nothing"),
    ({"product": "echo", "brief": {"text": "a", "count": True}}, "brief.count"),
    ({"product": "echo", "brief": {"text": "a", "count": 1.5}}, "brief.count"),
    ({"product": "echo", "brief": {"text": "a", "count": "1"}}, "brief.count"),
    (brief(angle=""), "brief.angle"),
    (brief(seed="0"), "brief.seed"),
    (brief(date="2026-13-40"), "brief.date"),
    (brief(date=20260101), "brief.date"),
    (brief(posts=[{**POST, "id": "../x"}]), "brief.posts.0.id"),
    (brief(posts=[POST, {"id": "b"}]), "brief.posts.1.title"),
    (brief(sources="/etc"), "brief.sources"),
    (brief(sources="posts"), "brief.sources"),
    (brief(sources="~/posts"), "brief.sources"),
    (brief(sources="file:///etc/passwd"), "brief.sources"),
    (brief(sources="ftp://example.com/feed"), "brief.sources"),
    (brief(sources="//example.com/feed"), "brief.sources"),
    (brief(sources="C:\\posts"), "brief.sources"),
    (brief(posts=[{**POST, "image": "/etc/passwd"}]), "brief.posts.0.image"),
    (brief(posts=[{**POST, "image": "../a.png"}]), "brief.posts.0.image"),
]


def shaped(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Return a problem after looking at its shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert told["type"] == f"urn:fabula:problem:{told['code']}"
    assert told["title"]
    assert told["detail"]
    assert HANGUL.search(told["detail_ko"])
    assert "Traceback" not in answer.text
    return told


@pytest.mark.parametrize(("body", "field"), WRONG)
async def test_a_wrong_field_is_named_in_both_languages(
    api: httpx.AsyncClient, body: Any, field: str
) -> None:
    told = shaped(await api.post("/v1/runs", json=body), 422)
    assert told["field"] == field
    assert (await api.get("/v1/runs")).json()["runs"] == []


@pytest.mark.parametrize("body", [[], 1, "x", None])
async def test_a_body_that_is_no_object_is_refused(api: httpx.AsyncClient, body: Any) -> None:
    shaped(await api.post("/v1/runs", json=body), 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"product": "echo", "brief": {"text": "\\ud800"}}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"product": "echo", "budget": NaN, "brief": {"text": "a"}}',
    ],
    ids=["empty", "half", "no-utf8", "surrogate", "deep", "long-number", "nan"],
)
async def test_bytes_that_are_no_good_json_are_refused(api: httpx.AsyncClient, body: bytes) -> None:
    header = {"Content-Type": "application/json"}
    answer = await api.post("/v1/runs", content=body, headers=header)
    assert answer.status_code in (400, 422)
    shaped(answer, answer.status_code)


async def test_what_was_sent_is_echoed_no_further_than_its_beginning(
    api: httpx.AsyncClient,
) -> None:
    secret = "s" * 5000
    answer = await api.post("/v1/runs", json={"product": "echo", "brief": {"text": 1, "x": secret}})
    shaped(answer, 422)
    assert "s" * 100 not in answer.text
    assert len(answer.content) < 3000


ROUTES = [
    ("GET", ""),
    ("GET", "/events"),
    ("GET", "/artifacts"),
    ("GET", "/artifacts/run.json"),
    ("GET", "/artifacts.zip"),
    ("GET", "/cost"),
    ("POST", "/cancel"),
    ("POST", "/resume"),
    ("POST", "/decide"),
    ("POST", "/changes/rewrite"),
]


@pytest.mark.parametrize("run", ["nothing", "x%00", "..%2f..", "%F0%9F%98%80", "a" * 300])
@pytest.mark.parametrize(("method", "rest"), ROUTES)
async def test_a_run_that_is_not_there_is_not_found(
    api: httpx.AsyncClient, method: str, rest: str, run: str
) -> None:
    body: dict[str, Any] = {"answer": {}} if rest == "/decide" else {"request": {}}
    content = json.dumps(body).encode() if rest in ("/decide", "/changes/rewrite") else b""
    header = {"Content-Type": "application/json"} if content else {}
    address = f"http://127.0.0.1/v1/runs/{run}{rest}"
    answer = await api.request(method, address, content=content, headers=header)
    assert shaped(answer, 404)["code"] in ("unknown_run", "not_found")


async def test_addresses_and_methods_that_are_none_are_problems(api: httpx.AsyncClient) -> None:
    assert shaped(await api.get("/v1/nothing"), 404)["code"] == "not_found"
    answer = await api.delete("/v1/runs")
    assert shaped(answer, 405)["code"] == "method_not_allowed"
    assert "POST" in answer.headers["allow"] or "GET" in answer.headers["allow"]


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "키"])
async def test_an_idempotency_key_that_is_none_is_refused(api: httpx.AsyncClient, key: str) -> None:
    header = {b"Idempotency-Key": key.encode()}
    body = {"product": "echo", "brief": {"text": "a"}}
    answer = await api.post("/v1/runs", json=body, headers=header)
    assert shaped(answer, 422)["field"].lower() == "idempotency-key"


@pytest.fixture
async def small(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    from fabula.service import create_app

    limited = settings.model_copy(update={"max_body_bytes": 2000})
    async with serving(create_app(limited)) as client:
        yield client


async def test_a_body_that_is_too_large_is_refused_unread(small: httpx.AsyncClient) -> None:
    answer = await small.post("/v1/runs", json=brief(angle="가" * 1000))
    assert shaped(answer, 413)["code"] == "too_large"


async def test_a_body_that_says_nothing_of_its_length_is_refused_too(
    small: httpx.AsyncClient,
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    header = {"Content-Type": "application/json"}
    answer = await small.post("/v1/runs", content=chunks(), headers=header)
    assert shaped(answer, 413)["code"] == "too_large"


async def test_a_body_just_small_enough_is_read(small: httpx.AsyncClient) -> None:
    body = json.dumps({"product": "nothing"}).ljust(2000).encode()
    header = {"Content-Type": "application/json"}
    assert (await small.post("/v1/runs", content=body, headers=header)).status_code == 422


def failing(error: Exception) -> FastAPI:
    app = FastAPI()
    answer_errors(app)
    app.add_middleware(BodyLimit, most=1000)

    @app.get("/fail")
    async def fail() -> None:
        raise error

    return app


async def failed(error: Exception) -> httpx.Response:
    transport = httpx.ASGITransport(failing(error), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get("/fail")


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailable("away", "데이터베이스가 없습니다"),
        OperationalError("SELECT secret", {}, Exception("disk I/O error")),
    ],
)
async def test_a_database_that_is_away_says_when_to_come_again(error: Exception) -> None:
    answer = await failed(error)
    assert shaped(answer, 503)["code"] == "store_unavailable"
    assert answer.headers["retry-after"] == "2"
    assert "secret" not in answer.text


async def test_a_bug_shows_nothing_of_the_inside() -> None:
    answer = await failed(ZeroDivisionError("secret"))
    assert shaped(answer, 500)["code"] == "bug"
    assert "secret" not in answer.text


def test_every_error_of_the_tree_has_its_status() -> None:
    kinds = [one for one in vars(errors).values() if isinstance(one, type)]
    tree = [one for one in kinds if issubclass(one, FabulaError)]
    expected = {"BadInput": 422, "UnknownRun": 404, "Conflict": 409, "MissingExtra": 501}
    for kind in tree:
        made = kind.__new__(kind)
        if kind.__name__ != "UnfitFile":
            assert status_of(made) == expected.get(kind.__name__, status_of(made))
            assert 400 <= status_of(made) < 600


async def test_a_run_of_the_library_is_seen_and_cannot_be_resumed(
    api: httpx.AsyncClient, app: FastAPI
) -> None:
    await posted(api, after_seconds=100)
    made = await app.state.service.runner.run("echo", {"text": "가을", "count": 1})
    assert (await api.get(f"/v1/runs/{made.run_id}")).json()["door"] == "library"
    answer = await api.post(f"/v1/runs/{made.run_id}/resume")
    assert shaped(answer, 409)["code"] == "conflict"
