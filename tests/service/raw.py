"""Requests as a server hands them on, with nothing mended on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from sqlalchemy import func, select

from fabula.service import create_app
from fabula.settings import Settings
from fabula.store.tables import metadata
from fabula.testing.echo import ECHO

STATUSES = {400, 404, 405, 409, 413, 415, 422}
JSON = (b"content-type", b"application/json")
HANGUL = range(ord("가"), ord("힣") + 1)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The answer as the problem that it must be: in shape, and in two languages."""
        assert self.headers["content-type"] == "application/problem+json", self
        told: dict[str, Any] = json.loads(self.body)
        assert told["status"] == self.status
        assert told["type"] == f"urn:fabula:problem:{told['code']}"
        assert told["detail"]
        assert any(ord(character) in HANGUL for character in told["detail_ko"])
        assert len(self.body) < 10_000
        return told


@asynccontextmanager
async def attacked(home: Path, url: str | None = None) -> AsyncIterator[FastAPI]:
    """Open a service that executes nothing."""
    settings = Settings(
        home=home,
        database_url=url,
        batch_slots=0,
        interactive_slots=0,
        webhook_secret="a secret of these tests",
    )
    made = create_app(settings, products={"echo": ECHO})
    async with made.router.lifespan_context(made):
        yield made


async def post(app: FastAPI, path: str, body: object, **headers: str) -> Answer:
    """Send a body as JSON."""
    given = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    return await send(app, "POST", path.encode(), json.dumps(body).encode(), [JSON, *given])


async def refused(app: FastAPI, answer: Answer, before: dict[str, int]) -> dict[str, Any]:
    """Return the problem of an answer that wrote nothing."""
    assert answer.status in STATUSES, answer
    assert await written(app) == before
    return answer.problem


async def send(
    app: FastAPI,
    method: str,
    target: bytes,
    body: bytes | Iterable[bytes] = b"",
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> Answer:
    """Send a request whose target is as it stands; a body in pieces says nothing of its length."""
    whole = isinstance(body, bytes)
    pieces = iter([body] if isinstance(body, bytes) else body)
    length = [(b"content-length", str(len(body)).encode())] if isinstance(body, bytes) else []
    raw, _, query = target.partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw.decode("latin-1")),
        "raw_path": raw,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *headers, *length],
        "client": ("127.0.0.1", 40_000),
        "server": ("127.0.0.1", 8000),
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        piece = next(pieces, None)
        if piece is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": not whole}

    async def keep(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, keep)
    fields = {key.decode("latin-1"): value.decode("latin-1") for key, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], fields, b"".join(one.get("body", b"") for one in sent[1:]))


async def written(app: FastAPI) -> dict[str, int]:
    """Count the rows of every table, and what lies in the home."""
    store = app.state.service.store
    counts = {
        name: int((await store.read(select(func.count()).select_from(table))).scalar_one())
        for name, table in metadata.tables.items()
    }
    folders = ("published", "uploads", "artifacts")
    left = [path for name in folders for path in (store.home / name).rglob("*")]
    return {**counts, "paths": len(left)}
