from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from fabula.documents import Document
from fabula.settings import Settings
from fabula.store.engine import Fence, Store
from fabula.store.runs import NewRun, insert_run

MakeRun = Callable[..., Awaitable[Fence]]


class Angle(Document):
    text: str


@pytest.fixture
def settings(tmp_path: Path, database_url: str | None) -> Settings:
    return Settings(home=tmp_path / "home", database_url=database_url)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = await Store.open(settings)
    yield opened
    await opened.close()


@pytest.fixture
def make_run(store: Store) -> MakeRun:
    async def make(id_: str = "r1", *, budget: int | None = None, lease_s: float = 3.0) -> Fence:
        new = NewRun(
            id=id_,
            project="p",
            product="magazine",
            door="library",
            flags={},
            replaced=(),
            profile="offline",
            out="out",
            budget=budget,
            timeout_s=None,
        )
        epoch = await insert_run(store, new, Angle(text="가을"), "me", lease_s)
        return Fence(id_, epoch)

    return make
