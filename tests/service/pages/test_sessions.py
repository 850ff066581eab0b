"""Who may look at pages and change things there: sessions, owners, other sites' forms."""

from __future__ import annotations

import time

import httpx
import pytest
from fastapi import FastAPI

from fabula.service.pages.sessions import COOKIE, LASTS_S
from fabula.store.engine import Store
from fabula.store.keys import create_key, revoke_key
from tests.service.live import ECHO_RUN, ended
from tests.service.pages.conftest import OWN, words

PAGES = ("/runs", "/runs/new", "/admin/cost")


async def log_in(browser: httpx.AsyncClient, token: str, next_: str = "/runs") -> httpx.Response:
    return await browser.post("/login", data={"key": token, "next": next_})


async def test_without_any_key_pages_are_open_here(browser: httpx.AsyncClient) -> None:
    for path in PAGES:
        assert (await browser.get(path)).status_code == 200
    there = await browser.get("/login?next=/admin/cost")
    assert (there.status_code, there.headers["location"]) == (303, "/admin/cost")


async def test_a_name_that_leads_here_from_elsewhere_is_refused(api: httpx.AsyncClient) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        answer = await api.get("/runs", headers=headers)
        assert answer.status_code == 403
        assert "text/html" in answer.headers["content-type"]


async def test_with_a_key_everybody_else_is_sent_to_the_login(
    browser: httpx.AsyncClient, store: Store
) -> None:
    await create_key(store, owner="ann")
    for path in (*PAGES, "/runs/x", "/runs?status=failed"):
        answer = await browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=%2F")
    for path in ("/runs/x/live?after=0&first=1", "/runs"):
        assert (await browser.get(path, headers={"X-Fragment": "1"})).status_code == 401
    assert (await browser.post("/runs/x/cancel")).status_code == 401


async def test_a_session_shows_its_owners_runs_and_hides_the_key(
    browser: httpx.AsyncClient, store: Store
) -> None:
    _, token = await create_key(store, owner="ann")
    wrong = await log_in(browser, "fab_none_00")
    assert wrong.status_code == 401
    assert "없는 API 키" in wrong.text
    assert COOKIE not in browser.cookies
    answer = await log_in(browser, token, "/admin/cost?from=2026-01-01")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/cost?from=2026-01-01")
    set_cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={LASTS_S}"):
        assert part in set_cookie
    assert "Secure" not in set_cookie
    assert token not in set_cookie
    assert token.rpartition("_")[2] not in set_cookie
    shown = await browser.get("/runs")
    assert shown.status_code == 200
    assert "ann" in words(shown)


async def test_over_https_the_cookie_is_secure(app: FastAPI, store: Store) -> None:
    _, token = await create_key(store, owner="ann")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://127.0.0.1", headers={"Sec-Fetch-Site": "same-origin"}
    ) as client:
        assert "Secure" in (await log_in(client, token)).headers["set-cookie"]


async def test_a_session_ends_with_its_time_its_key_and_the_logout(
    browser: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, token = await create_key(store, owner="ann")
    await log_in(browser, token)
    kept = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
    later = time.time() + LASTS_S + 1
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: later)
        assert (await browser.get("/runs", headers=kept)).status_code == 303
    assert (await browser.get("/runs")).status_code == 200
    assert (await browser.post("/logout")).headers["location"] == "/login"
    assert COOKIE not in browser.cookies
    await log_in(browser, token)
    await revoke_key(store, key.id)
    assert (await browser.get("/runs")).status_code == 303


async def test_a_changed_cookie_is_none(browser: httpx.AsyncClient, store: Store) -> None:
    ann, token = await create_key(store, owner="ann")
    bob, _ = await create_key(store, owner="bob")
    await log_in(browser, token)
    id_, until, signature = browser.cookies[COOKIE].split(".")
    assert id_ == ann.id
    forged = (
        f"{bob.id}.{until}.{signature}",
        f"{id_}.{int(until) + 1}.{signature}",
        f"{id_}.{until}.{signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        f"{id_}.{until}",
        "",
        "x" * 5000,
    )
    for cookie in forged:
        browser.cookies.clear()
        answer = await browser.get("/runs", headers={"Cookie": f"{COOKIE}={cookie}"})
        assert answer.status_code == 303, cookie


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none", "Origin": "http://127.0.0.1"},
    ],
)
async def test_another_sites_form_changes_nothing(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    run = (await api.post("/v1/runs", json={**ECHO_RUN, "after_seconds": 60})).json()["run_id"]
    for path in (f"/runs/{run}/cancel", f"/runs/{run}/resume", f"/runs/{run}/decide", "/runs/new"):
        answer = await api.post(path, data={"ask": "x"}, headers=headers)
        assert answer.status_code == 403, path
    for path in ("/login", "/logout"):
        assert (await api.post(path, headers=headers)).status_code == 403
    assert (await api.get(f"/v1/runs/{run}")).json()["status"] == "queued"
    assert len((await api.get("/v1/runs")).json()["runs"]) == 1


@pytest.mark.parametrize("headers", [OWN, {"Origin": "http://127.0.0.1"}])
async def test_our_own_form_does(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    run = (await api.post("/v1/runs", json={**ECHO_RUN, "after_seconds": 60})).json()["run_id"]
    answer = await api.post(f"/runs/{run}/cancel", headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run}")
    assert (await api.get(f"/v1/runs/{run}")).json()["status"] == "cancelled"


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\r\nX: y", "x"]
)
async def test_a_login_leads_nowhere_else(
    browser: httpx.AsyncClient, store: Store, address: str
) -> None:
    _, token = await create_key(store, owner="ann")
    assert (await log_in(browser, token, address)).headers["location"] == "/runs"


async def test_anothers_run_is_unknown_on_every_page(
    api: httpx.AsyncClient, browser: httpx.AsyncClient, store: Store
) -> None:
    run = (await api.post("/v1/runs", json=ECHO_RUN)).json()["run_id"]
    await ended(api, run)
    _, token = await create_key(store, owner="ann")
    await log_in(browser, token)
    paths = ("", "/live?after=0&first=1", "/stream", "/files.zip", "/files/result.json")
    for path in paths:
        answer = await browser.get(f"/runs/{run}{path}")
        assert answer.status_code == 404, path
        assert "그런 실행이 없습니다" in answer.text
    for action in ("cancel", "resume", "decide"):
        assert (await browser.post(f"/runs/{run}/{action}")).status_code == 404
    assert run not in (await browser.get("/runs")).text
    assert "부른 모델이 없습니다" in words(await browser.get("/admin/cost"))


async def test_pages_and_programs_of_a_key_are_counted_apart(
    api: httpx.AsyncClient, browser: httpx.AsyncClient, store: Store
) -> None:
    _, token = await create_key(store, owner="ann", rate=6)
    headers = {"X-API-Key": token}
    await log_in(browser, token)
    seen = [(await browser.get("/runs")).status_code for _ in range(12)]
    assert seen[0] == 200
    assert seen[-1] == 429
    limited = await browser.get("/runs")
    assert int(limited.headers["Retry-After"]) > 0
    assert "분당 요청" in limited.text
    assert (await api.get("/v1/runs", headers=headers)).status_code == 200


async def test_a_key_in_a_header_opens_pages_too(api: httpx.AsyncClient, store: Store) -> None:
    _, token = await create_key(store, owner="ann")
    assert (await api.get("/runs", headers={"X-API-Key": token})).status_code == 200
    assert (await api.get("/runs", headers={"X-API-Key": "fab_x_0"})).status_code == 401
