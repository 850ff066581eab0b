"""One suite for the ports `Documents`, `Artifacts` and `Publisher`; every adapter passes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fabula.documents import Document
from fabula.errors import LeaseLost, StoreError
from fabula.settings import Settings
from fabula.store.documents import FolderPublisher, StoredArtifacts, StoredDocuments
from fabula.store.engine import Fence, Store
from fabula.store.ports import Artifacts, Documents
from fabula.store.runs import NewRun, insert_run, take_run
from fabula.testing.memory import MemoryArtifacts, MemoryDocuments


class Note(Document):
    text: str


class Other(Document):
    text: str


@dataclass
class Ports:
    documents: Documents
    artifacts: Artifacts


NEW = NewRun(
    id="r1",
    project="p",
    product="magazine",
    door="library",
    flags={},
    replaced=(),
    profile="offline",
    out="out",
    budget=None,
    timeout_s=None,
)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings | None:
    if request.param == "memory":
        return None
    server = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if server else None
    return Settings(home=tmp_path, database_url=url)


@pytest.fixture
async def ports(settings: Settings | None) -> AsyncIterator[Ports]:
    if settings is None:
        yield Ports(MemoryDocuments(), MemoryArtifacts())
        return
    store = await Store.open(settings)
    fence = Fence("r1", await insert_run(store, NEW, Note(text="brief"), "me", 3.0))
    yield Ports(StoredDocuments(store, fence), StoredArtifacts(store, fence))
    await store.close()


async def test_a_document_comes_back_equal(ports: Ports) -> None:
    note = Note(text="가을\n\u200b'\"<&> 🍂")
    id_ = await ports.documents.put(note)
    assert id_.startswith("Note:")
    assert await ports.documents.get(Note, id_) == note


async def test_the_same_body_is_one_document(ports: Ports) -> None:
    first = await ports.documents.put(Note(text="가"))
    assert await ports.documents.put(Note(text="가")) == first
    assert await ports.documents.put(Note(text="나")) != first


async def test_a_missing_document_or_another_kind_is_an_error(ports: Ports) -> None:
    id_ = await ports.documents.put(Note(text="가"))
    with pytest.raises(StoreError, match="no Note `Note:0`"):
        await ports.documents.get(Note, "Note:0")
    with pytest.raises(StoreError, match="no Other"):
        await ports.documents.get(Other, id_)


async def test_artifacts_are_listed_by_name_and_replaced_by_name(ports: Ports) -> None:
    await ports.artifacts.put("b.txt", b"old", "text/plain")
    await ports.artifacts.put("a/c.txt", b"c", "text/plain")
    new = await ports.artifacts.put("b.txt", b"new", "text/plain")
    listed = await ports.artifacts.list()
    assert [artifact.name for artifact in listed] == ["a/c.txt", "b.txt"]
    assert listed[1] == new
    assert (new.size, await ports.artifacts.read(new.hash)) == (3, b"new")


async def test_missing_bytes_are_an_error(ports: Ports) -> None:
    with pytest.raises(StoreError):
        await ports.artifacts.read("0" * 64)


async def test_a_taken_over_run_takes_neither_documents_nor_names(
    tmp_path: Path, database_url: str | None
) -> None:
    store = await Store.open(Settings(home=tmp_path, database_url=database_url))
    fence = Fence("r1", await insert_run(store, NEW, Note(text="brief"), "me", 0.0))
    await take_run(store, "r1", worker="you", lease_s=3)
    with pytest.raises(LeaseLost):
        await StoredDocuments(store, fence).put(Note(text="late"))
    with pytest.raises(LeaseLost):
        await StoredArtifacts(store, fence).put("late.txt", b"late", "text/plain")
    assert await StoredArtifacts(store, fence).list() == []
    await store.close()


async def test_altered_bytes_are_refused(tmp_path: Path) -> None:
    store = await Store.open(Settings(home=tmp_path))
    fence = Fence("r1", await insert_run(store, NEW, Note(text="brief"), "me", 3.0))
    artifacts = StoredArtifacts(store, fence)
    artifact = await artifacts.put("a.txt", b"true", "text/plain")
    file = tmp_path / "artifacts" / artifact.hash[:2] / artifact.hash
    file.write_bytes(b"false")
    with pytest.raises(StoreError, match="altered"):
        await artifacts.read(artifact.hash)
    await store.close()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", "a\\b", "a\0b", "."])
async def test_a_name_never_leaves_its_folder(tmp_path: Path, name: str) -> None:
    from fabula.errors import BadInput
    from fabula.store.ports import Artifact

    publisher = FolderPublisher(tmp_path / "out")
    with pytest.raises(BadInput, match="artifact name"):
        await publisher.publish([(Artifact(name, "0" * 64, "text/plain", 1), b"x")])
