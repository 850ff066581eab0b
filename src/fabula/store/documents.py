"""Documents as rows, artifacts as files with rows that name them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import or_, select

from fabula.documents import Document
from fabula.errors import BadInput, DiskFull, GateFailed, StoreError
from fabula.store.engine import Fence, Store, fenced_insert, lease_lost
from fabula.store.ports import Artifact, D
from fabula.store.tables import artifacts, db_now, documents, runs
from fabula.store.texts import storable

LONGEST_NAME = 255


class StoredDocuments:
    """The `Documents` port on the store, bound to one run."""

    def __init__(self, store: Store, fence: Fence) -> None:
        self._store = store
        self._fence = fence

    async def put(self, document: Document) -> str:
        kind, id_ = type(document).__name__, document.id
        values = {
            "run": self._fence.run,
            "id": id_,
            "kind": kind,
            "body": document.model_dump(mode="json"),
            "created_at": db_now(),
        }

        insert = fenced_insert(self._store, documents, values, self._fence)
        # An update that changes nothing counts the row, so that 0 means the fence.
        kept = insert.on_conflict_do_update(
            index_elements=["run", "id"], set_={"kind": documents.c.kind}
        )
        if await self._store.write_row(kept) != 1:
            raise lease_lost(self._fence)
        return id_

    async def get(self, kind: type[D], id: str) -> D:  # noqa: A002
        query = select(documents.c.body).where(
            documents.c.run == self._fence.run, documents.c.id == id
        )
        body = (await self._store.read(query)).scalar_one_or_none()
        if body is None or not id.startswith(f"{kind.__name__}:"):
            raise StoreError(f"run {self._fence.run} has no {kind.__name__} `{id}`")
        try:
            return kind.model_validate(body)
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in first["loc"])
            raise GateFailed(
                f"{id}: {path}", got=repr(first["input"])[:80], wanted=first["msg"]
            ) from None


class StoredArtifacts:
    """The `Artifacts` port: bytes in a folder by content hash, fenced rows that name them."""

    def __init__(self, store: Store, fence: Fence) -> None:
        self._store = store
        self._fence = fence

    async def put(self, name: str, data: bytes, media_type: str) -> Artifact:
        check_name(name)
        digest = hashlib.sha256(data).hexdigest()
        await asyncio.to_thread(write_whole, _file(self._store.home, digest), data)
        artifact = Artifact(name, digest, media_type, len(data))
        values = {
            "run": self._fence.run,
            "name": name,
            "hash": digest,
            "media_type": media_type,
            "size": len(data),
            "created_at": db_now(),
        }

        insert = fenced_insert(self._store, artifacts, values, self._fence)
        told = ("hash", "media_type", "size")
        replaced = insert.on_conflict_do_update(
            index_elements=["run", "name"],
            set_={key: insert.excluded[key] for key in told},
            # What a node that is done again puts once more is left as it stands.
            where=or_(*(artifacts.c[key] != insert.excluded[key] for key in told)),
        )
        if await self._store.write_row(replaced) != 1 and not await self._stands(artifact):
            raise lease_lost(self._fence)
        return artifact

    async def _stands(self, artifact: Artifact) -> bool:
        query = (
            select(artifacts.c.hash)
            .join(runs, runs.c.id == artifacts.c.run)
            .where(
                runs.c.id == self._fence.run,
                runs.c.epoch == self._fence.epoch,
                artifacts.c.name == artifact.name,
            )
        )
        return bool((await self._store.read(query)).scalar_one_or_none() == artifact.hash)

    async def read(self, hash: str) -> bytes:  # noqa: A002
        return await asyncio.to_thread(read_checked, self._store.home, hash)

    async def list(self) -> Sequence[Artifact]:
        return await list_artifacts(self._store, self._fence.run)


async def list_artifacts(store: Store, run: str) -> Sequence[Artifact]:
    """Return a run's artifacts by name."""
    columns = (artifacts.c.name, artifacts.c.hash, artifacts.c.media_type, artifacts.c.size)
    rows = (await store.read(select(*columns).where(artifacts.c.run == run))).all()
    found = [Artifact(row.name, row.hash, row.media_type, row.size) for row in rows]
    # Not ORDER BY: each database, and each locale of one, has an order of its own.
    return sorted(found, key=lambda one: one.name)


def check_name(name: str) -> None:
    """Refuse an artifact name that is not a plain relative path."""
    parts = name.split("/")
    odd = any(part in ("", ".", "..") for part in parts) or "\\" in name or name != storable(name)
    if odd or len(name) > LONGEST_NAME:
        raise BadInput(
            "artifact name",
            f"got {name[:80]!r}, wanted a relative path without `..` of at most {LONGEST_NAME} "
            "characters",
        )


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; DiskFull where there is no room for it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise DiskFull(
            f"there is no room for {path.name} ({len(data):,} bytes): {error.strerror}; free some, "
            "and the run goes on from where it stands",
            f"{path.name}({len(data):,}바이트)을 둘 자리가 없습니다. 공간을 비우면 이어서 "
            "실행합니다",
        ) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def read_checked(home: Path, digest: str) -> bytes:
    """Read an artifact's bytes; StoreError when they are missing or altered."""
    try:
        data = _file(home, digest).read_bytes()
    except FileNotFoundError:
        raise StoreError(f"the bytes of artifact {digest[:12]} are missing") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise StoreError(f"the bytes of artifact {digest[:12]} were altered")
    return data


def _file(home: Path, digest: str) -> Path:
    return home / "artifacts" / digest[:2] / digest


class FolderPublisher:
    """The default `Publisher`: files in one folder, each replaced whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def publish(self, files: Sequence[tuple[Artifact, bytes]]) -> str:
        for artifact, data in files:
            check_name(artifact.name)
            await asyncio.to_thread(write_whole, self._folder / artifact.name, data)
        return str(self._folder)


__all__ = [
    "FolderPublisher",
    "StoredArtifacts",
    "StoredDocuments",
    "list_artifacts",
    "read_checked",
]
