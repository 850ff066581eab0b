"""Two owners: on every route of the API one tries what the other may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from fabula.service import create_app
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.keys import create_key
from fabula.store.tables import deliveries, metadata, runs
from fabula.testing.echo import ECHO
from tests.service.conftest import Ended, serving

MARK = "아무도모르는앤의이야기"
BRIEF = {"text": MARK, "count": 1}
PRODUCTS = {"echo": ECHO}
DAY_S = 86_400


@dataclass(frozen=True)
class World:
    """What Ann has, by name, and how both call: `api` with neither's key."""

    api: httpx.AsyncClient
    store: Store
    ann: Mapping[str, str]
    bob: Mapping[str, str]
    names: Mapping[str, str]


@dataclass(frozen=True)
class Ask:
    """A request for something of Ann's: what she is answered, and Bob, as status and code.

    Where Bob succeeds he is shown, and changes, nothing of hers.
    """

    path: str
    ann: tuple[int, str | None] = (200, None)
    bob: tuple[int, str | None] = (404, "unknown_run")
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    form: bool = False


def _run(brief: Mapping[str, Any] = BRIEF, **more: Any) -> dict[str, Any]:
    return {"product": "echo", "brief": brief, "project": "앤의일", **more}


def _article(source: str, **more: Any) -> dict[str, Any]:
    return {"product": "magazine", "brief": {"angle": "가을", "sources": source}, **more}


NO_FILE = (404, "unknown_file")
SAME = (200, None)
CASES: Mapping[str, Sequence[Ask]] = {
    "GET /v1/products": [Ask("/v1/products", bob=SAME)],
    "GET /v1/products/{name}": [Ask("/v1/products/echo", bob=SAME)],
    "POST /v1/runs": [
        Ask(
            "/v1/runs", (202, None), NO_FILE, {**_article("{file_reference}"), "after_seconds": 60}
        ),
        # Ann's names for her threads and requests say nothing to Bob's.
        Ask(
            "/v1/runs",
            (409, "thread_active"),
            (202, None),
            _run(thread="책", after_seconds=60, brief={"text": "밥", "count": 1}),
        ),
        Ask(
            "/v1/runs",
            (409, "idempotency_conflict"),
            (202, None),
            _run(after_seconds=60, brief={"text": "밥", "count": 1}),
            {"Idempotency-Key": "앤".encode().hex()},
        ),
    ],
    "GET /v1/runs": [
        Ask("/v1/runs", bob=SAME),
        Ask("/v1/runs?project=앤의일", bob=SAME),
        Ask("/v1/runs?thread=책", bob=SAME),
        Ask("/v1/runs?cursor={cursor}", bob=SAME),
    ],
    "GET /v1/runs/{run}": [Ask("/v1/runs/{done}"), Ask("/v1/runs/{later}?wait=0.1")],
    "GET /v1/runs/{run}/events": [
        Ask("/v1/runs/{done}/events"),
        Ask("/v1/runs/{done}/events", headers={"Last-Event-ID": "1"}),
    ],
    "GET /v1/runs/{run}/cost": [Ask("/v1/runs/{done}/cost")],
    "GET /v1/runs/{run}/artifacts": [Ask("/v1/runs/{done}/artifacts")],
    "GET /v1/runs/{run}/artifacts.zip": [Ask("/v1/runs/{done}/artifacts.zip")],
    "GET /v1/runs/{run}/artifacts/{name}": [
        Ask("/v1/runs/{done}/artifacts/result.json"),
        Ask(
            "/v1/runs/{done}/artifacts/result.json", headers={"If-None-Match": "*"}, ann=(304, None)
        ),
    ],
    "GET /v1/runs/{run}/deliveries": [Ask("/v1/runs/{stopped}/deliveries")],
    "POST /v1/runs/{run}/cancel": [Ask("/v1/runs/{later}/cancel", (202, None))],
    "POST /v1/runs/{run}/resume": [
        Ask("/v1/runs/{stopped}/resume", (202, None), body={}),
        Ask("/v1/runs/{done}/resume", (409, "conflict"), body={"budget": 1.0}),
    ],
    "POST /v1/runs/{run}/decide": [
        Ask("/v1/runs/{done}/decide", (409, "conflict"), body={"answer": {"choice": "x"}})
    ],
    "POST /v1/runs/{run}/changes/{change}": [
        Ask(
            f"/v1/runs/{{done}}/changes/rewrite{query}",
            (404, "unknown_change"),
            body={"request": {"section_id": "s1", "note": "더 짧게"}},
        )
        for query in ("", "?dry_run=true")
    ],
    "POST /v1/estimate": [
        Ask("/v1/estimate", bob=NO_FILE, body=_article("{file_reference}")),
        Ask("/v1/estimate", bob=SAME, body={"product": "echo", "brief": {"text": "x", "count": 1}}),
    ],
    "POST /v1/files": [Ask("/v1/files", (200, None), (201, None), form=True)],
    "GET /v1/files": [Ask("/v1/files", bob=SAME), Ask("/v1/files?cursor={cursor}", bob=SAME)],
    "GET /v1/files/{file}": [Ask("/v1/files/{file}", bob=NO_FILE)],
    "DELETE /v1/files/{file}": [Ask("/v1/files/{file}", (204, None), NO_FILE)],
    "GET /health/live": [Ask("/health/live", bob=SAME)],
    "GET /health/ready": [Ask("/health/ready", bob=SAME)],
    "GET /metrics": [Ask("/metrics", bob=SAME)],
}
"""For each operation of the OpenAPI what is tried."""
KEYLESS = {"GET /health/live", "GET /health/ready"}


def operations() -> list[str]:
    described = create_app(Settings(home=Path("unused")), products=PRODUCTS).openapi()
    return [
        f"{method.upper()} {path}" for path, some in described["paths"].items() for method in some
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        sweep_s=0.05,
        webhook_secret=SecretStr("a-secret-of-the-operator"),
        # Nobody listens there: the delivery stays, and nothing leaves this machine.
        fetch_private_hosts=("127.0.0.1:9",),
    )


async def world_of(api: httpx.AsyncClient, store: Store, ended: Ended) -> World:
    tokens = [(await create_key(store, owner=owner))[1] for owner in ("ann", "bob")]
    ann, bob = ({"Authorization": f"Bearer {token}"} for token in tokens)
    # The service has seen no key so far: it asks again within a second.
    async with asyncio.timeout(10):
        while True:
            if (await api.get("/v1/runs")).status_code == 401:
                break
            await asyncio.sleep(0.05)
    api.headers.update(ann)

    async def start(**more: Any) -> str:
        made = await api.post("/v1/runs", json=_run(**more))
        assert made.status_code == 202, made.text
        return str(made.json()["run_id"])

    done = await start()
    assert (await ended(api, done))["status"] == "succeeded"
    later = await start(thread="책", after_seconds=DAY_S)
    stopped = await start(after_seconds=DAY_S, webhook="http://127.0.0.1:9/hook")
    await api.post(f"/v1/runs/{stopped}/cancel")
    key = {"Idempotency-Key": "앤".encode().hex()}
    await api.post("/v1/runs", json=_run(after_seconds=DAY_S), headers=key)
    cursor = (await api.get("/v1/runs?limit=1")).json()["next"]
    file = (await api.post("/v1/files", files=FORM)).json()
    for name in ann:
        del api.headers[name]
    names = {
        "done": done,
        "later": later,
        "stopped": stopped,
        "cursor": cursor,
        "file": file["file_id"],
        "file_reference": file["reference"],
    }
    return World(api, store, ann, bob, names)


FORM = {"file": ("앤.md", f"# {MARK}\n\n{'앤의 글. ' * 40}".encode(), "text/markdown")}


async def ask(world: World, operation: str, one: Ask, headers: Mapping[str, str]) -> httpx.Response:
    method = operation.partition(" ")[0]
    body = json.dumps(one.body).replace("{file_reference}", world.names["file_reference"])
    return await world.api.request(
        method,
        one.path.format(**world.names),
        json=json.loads(body) if one.body is not None else None,
        files=FORM if one.form else None,
        headers={**one.headers, **headers},
    )


async def not_bobs(store: Store) -> list[str]:
    """Read every row, but the keys', that is not Bob's or of a run of his."""
    of_bob = {row.id for row in await store.read(select(runs.c.id).where(runs.c.owner == "bob"))}
    told = await store.read(select(deliveries.c.id).where(deliveries.c.run.in_(of_bob)))
    his = {"owner": {"bob"}, "run": of_bob, "delivery": {row.id for row in told}}
    return [
        f"{table.name} {sorted(row.items())}"
        for table in metadata.sorted_tables
        if table.name != "keys"
        for row in (await store.read(select(table))).mappings()
        if not any(row.get(name) in theirs for name, theirs in his.items())
    ]


def told(answer: httpx.Response) -> tuple[int, str | None]:
    kind = answer.headers.get("content-type", "")
    code = answer.json()["code"] if kind == "application/problem+json" else None
    return answer.status_code, code


def test_every_operation_of_the_api_has_its_case() -> None:
    assert sorted(CASES) == sorted(operations())


@pytest.mark.parametrize("operation", operations())
async def test_nothing_of_anothers_can_be_had(
    operation: str, settings: Settings, ended: Ended
) -> None:
    app = create_app(settings, products=PRODUCTS)
    async with serving(app) as api:
        world = await world_of(api, app.state.service.store, ended)
        await delivered(world)
        for one in CASES[operation]:
            nobody = await ask(world, operation, one, {})
            if operation not in KEYLESS:
                assert told(nobody) == (401, "unauthorized"), one.path
            before = await not_bobs(world.store)
            answer = await ask(world, operation, one, world.bob)
            assert told(answer) == one.bob, f"{one.path}: {answer.text}"
            assert MARK.encode() not in answer.content
            if answer.is_success:
                assert not [name for name in world.names.values() if name in answer.text]
            assert await not_bobs(world.store) == before, one.path
        for one in CASES[operation]:
            answer = await ask(world, operation, one, world.ann)
            assert told(answer) == one.ann, f"{one.path}: {answer.text}"


async def delivered(world: World) -> None:
    """Wait for a try of Ann's webhook and put the next one off: no row changes by itself then."""
    path = f"/v1/runs/{world.names['stopped']}/deliveries"
    async with asyncio.timeout(10):
        while True:
            found = (await world.api.get(path, headers=world.ann)).json()["deliveries"]
            if found and found[0]["tries"] and found[0]["tries"][-1]["error"]:
                break
            await asyncio.sleep(0.05)
    await world.store.write_row(update(deliveries).values(next_at=deliveries.c.created_at + DAY_S))
