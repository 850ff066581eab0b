from __future__ import annotations

import logging

import httpx
import pytest
from fastapi import FastAPI

from fabula.errors import BadInput
from fabula.service import auth, create_app
from fabula.service.auth import Keyring, check_bind
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.keys import create_key, revoke_key
from fabula.testing.echo import ECHO
from tests.service.conftest import ECHO_RUN, serving

BOOTSTRAP = f"fab_bootstrap_{'0a' * 32}"


@pytest.fixture
async def store(api: httpx.AsyncClient, app: FastAPI) -> Store:
    """Give the store that the application has opened."""
    opened: Store = app.state.service.store
    return opened


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember nothing: the tests of remembering bring a clock."""
    monkeypatch.setattr(auth, "UNUSED_S", 0.0)
    monkeypatch.setattr(auth, "REMEMBERED_S", 0.0)


async def test_without_any_key_everybody_here_is_the_local_account(api: httpx.AsyncClient) -> None:
    made = await api.post("/v1/runs", json=ECHO_RUN)
    assert made.status_code == 202
    tolerant = await api.get(f"/v1/runs/{made.json()['run_id']}", headers={"X-API-Key": "none"})
    assert tolerant.status_code == 200


async def test_as_soon_as_a_key_was_made_it_is_needed(api: httpx.AsyncClient, store: Store) -> None:
    run = (await api.post("/v1/runs", json=ECHO_RUN)).json()["run_id"]
    key, token = await create_key(store, owner="ann")
    refused = await api.get(f"/v1/runs/{run}")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.headers["content-type"] == "application/problem+json"
    for headers in ({"Authorization": f"Bearer {token}"}, {"X-API-Key": token}):
        mine = await api.post("/v1/runs", json=ECHO_RUN, headers=headers)
        assert mine.status_code == 202
        # What the local account made stays the local account's.
        assert (await api.get(f"/v1/runs/{run}", headers=headers)).status_code == 404
    await revoke_key(store, key.id)
    assert (await api.get(f"/v1/runs/{run}", headers={"X-API-Key": token})).status_code == 401
    assert (await api.get(f"/v1/runs/{run}")).status_code == 401


async def test_no_key_is_ever_logged(
    api: httpx.AsyncClient, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, token = await create_key(store, owner="ann")
    wrong = f"fab_{'1' * 16}_{'c' * 64}"
    for one in (token, wrong):
        answer = await api.get("/v1/runs/nothing", headers={"Authorization": f"Bearer {one}"})
        assert one not in answer.text
    assert token.rpartition("_")[2] not in caplog.text
    assert "c" * 64 not in caplog.text


async def test_a_revoked_key_is_forgotten_within_seconds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REMEMBERED_S", 3.0)
    now = 100.0
    ring = Keyring(store, clock=lambda: now)
    key, token = await create_key(store, owner="ann")
    assert await ring.find(token) == key
    await revoke_key(store, key.id)
    now += 2.9
    assert await ring.find(token) == key
    now += 0.2
    assert await ring.find(token) is None


async def test_a_key_counts_within_seconds_of_its_making(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "UNUSED_S", 1.0)
    now = 100.0
    ring = Keyring(store, clock=lambda: now)
    assert await ring.in_use() is False
    await create_key(store, owner="ann")
    now += 1.1
    assert await ring.in_use() is True


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "192.168.0.7:8000"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_a_web_page_of_elsewhere_is_no_local_caller(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    refused = await api.post("/v1/runs", json=ECHO_RUN, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_local")


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "127.8.9.1"])
async def test_every_name_of_this_machine_is_local(api: httpx.AsyncClient, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert (await api.post("/v1/runs", json=ECHO_RUN, headers=headers)).status_code == 202


async def test_another_machine_is_no_local_caller(app: FastAPI) -> None:
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=("10.0.0.7", 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as other:
            assert (await other.post("/v1/runs", json=ECHO_RUN)).status_code == 403


async def test_the_settings_key_works_at_once(settings: Settings) -> None:
    with_key = settings.model_copy(
        update={"bootstrap_key": Settings(bootstrap_key=BOOTSTRAP).bootstrap_key}
    )
    async with serving(create_app(with_key, products={"echo": ECHO})) as api:
        assert (await api.post("/v1/runs", json=ECHO_RUN)).status_code == 401
        headers = {"X-API-Key": BOOTSTRAP}
        assert (await api.post("/v1/runs", json=ECHO_RUN, headers=headers)).status_code == 202


async def test_too_many_requests_are_told_when_to_come_again(
    api: httpx.AsyncClient, store: Store
) -> None:
    _, slow = await create_key(store, owner="ann", rate=3)
    _, other = await create_key(store, owner="ann")
    answers = [await api.get("/v1/runs/x", headers={"X-API-Key": slow}) for _ in range(4)]
    assert [one.status_code for one in answers] == [404, 404, 404, 429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20
    assert (await api.get("/v1/runs/x", headers={"X-API-Key": other})).status_code == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.com", ""])
def test_without_a_key_no_open_address_is_bound(host: str) -> None:
    with pytest.raises(BadInput, match="fabula keys create"):
        check_bind(host, in_use=False)
    check_bind(host, in_use=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_is_bound_without_a_key(host: str) -> None:
    check_bind(host, in_use=False)
