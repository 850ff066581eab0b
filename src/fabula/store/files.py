"""Uploaded files: a row for each, its bytes in a folder of its own, ready to be read by a graph.

A zip stands there as the folder that was packed. Bytes come before the row and go after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Text, cast, delete, func, select
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from fabula.errors import Conflict, UnfitFile, UnknownFile
from fabula.store.engine import Store, insert_into
from fabula.store.tables import db_now, documents, files, runs

LEFT_BEHIND_S = 86_400.0
"""After so long what an upload left behind that never ended is thrown away."""
_ID = re.compile(r"[0-9a-f]{32}")
ACTIVE = ("queued", "running", "waiting")


@dataclass(frozen=True)
class Upload:
    """An uploaded file; `hash` is the SHA-256 of its bytes, `size` is in bytes as it was sent."""

    id: str
    owner: str
    name: str
    hash: str
    media_type: str
    size: int
    created_at: float


def upload_id(owner: str, name: str, digest: str) -> str:
    """Make the id: the same bytes under the same name are one file of an owner."""
    return hashlib.sha256(f"{owner}\0{name}\0{digest}".encode()).hexdigest()[:32]


def incoming(home: Path) -> Path:
    """Make a folder for an upload that is under way; throw away what old ones left. Blocks."""
    waiting = home / "uploads" / ".incoming"
    waiting.mkdir(parents=True, exist_ok=True)
    for left in waiting.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > LEFT_BEHIND_S:
                shutil.rmtree(left, ignore_errors=True)
    folder = waiting / secrets.token_hex(8)
    folder.mkdir()
    return folder


async def keep_file(store: Store, upload: Upload, prepared: Path, *, most: int) -> bool:
    """Write the row of a file whose bytes, or folder, stand alone in `prepared`; say if it is new.

    UnfitFile where the owner's files would have more than `most` bytes together.
    """
    place = folder_of(store.home, upload.id)
    row = {**vars(upload), "created_at": db_now()}

    async def write(connection: AsyncConnection) -> bool:
        await _lock(connection, upload.id)
        insert = insert_into(connection, files).values(**row).on_conflict_do_nothing()
        # Not its count: psycopg tells none of a row that was left out.
        written = await connection.execute(insert.returning(files.c.id))
        new = written.first() is not None
        mine = select(func.sum(files.c.size)).where(files.c.owner == upload.owner)
        if new and int((await connection.execute(mine)).scalar_one()) > most:
            raise UnfitFile(
                f"your files would have more than {most:,} bytes together: delete some",
                f"올린 파일이 모두 합해 {most:,}바이트를 넘습니다. 필요 없는 것을 지우세요",
                code="file_too_large",
            )
        _move(prepared, place)
        return new

    return await store.write(write)


async def find_file(store: Store, owner: str, id_: str) -> Upload:
    """Return a file of the owner's; UnknownFile where there is none, or it is another's."""
    query = select(files).where(files.c.id == id_, files.c.owner == owner)
    # Not every text can be asked of every database.
    row = (await store.read(query)).one_or_none() if _ID.fullmatch(id_) else None
    if row is None:
        raise UnknownFile(id_)
    return _upload(row)


async def list_files(
    store: Store, owner: str, *, limit: int, before: tuple[float, str] | None = None
) -> Sequence[Upload]:
    """Return an owner's files, newest first, those that follow a time and id."""
    query = select(files).where(files.c.owner == owner)
    if before is not None:
        at, id_ = before
        same = (files.c.created_at == at) & (files.c.id < id_)
        query = query.where((files.c.created_at < at) | same)
    query = query.order_by(files.c.created_at.desc(), files.c.id.desc()).limit(limit)
    return [_upload(row) for row in await store.read(query)]


async def delete_file(store: Store, owner: str, id_: str) -> None:
    """Delete a file and its bytes; Conflict while a run that has not ended names it."""
    await find_file(store, owner, id_)
    place = folder_of(store.home, id_)
    gone = await asyncio.to_thread(incoming, store.home)
    naming = (
        select(runs.c.id)
        .join(documents, (documents.c.run == runs.c.id) & (documents.c.id == runs.c.brief))
        .where(
            runs.c.owner == owner,
            runs.c.status.in_(ACTIVE),
            cast(documents.c.body, Text).contains(f"file:{id_}", autoescape=True),
        )
        .limit(1)
    )

    async def forget(connection: AsyncConnection) -> None:
        await _lock(connection, id_)
        if run := (await connection.execute(naming)).scalar_one_or_none():
            raise Conflict(
                "file",
                f"`{id_}` is used by the run `{run}`, which has not ended",
                f"`{id_}` 파일을 끝나지 않은 실행 `{run}`이 쓰고 있습니다",
                code="file_in_use",
                run=run,
            )
        await connection.execute(delete(files).where(files.c.id == id_))

    async def clear(connection: AsyncConnection) -> None:
        # In a step of its own: bytes of a row that is not gone for certain are never touched.
        await _lock(connection, id_)
        known = await connection.execute(select(files.c.id).where(files.c.id == id_))
        if known.first() is None:
            _move(place, gone / "deleted")

    await store.write(forget)
    await store.write(clear)
    await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)


async def place_of(store: Store, owner: str, id_: str) -> Path:
    """Return where a file of the owner's stands; UnknownFile where there is none."""
    await find_file(store, owner, id_)
    found = await asyncio.to_thread(_only, folder_of(store.home, id_))
    if found is None:
        raise UnknownFile(id_)
    return found


def folder_of(home: Path, id_: str) -> Path:
    """Name the folder that one file, or one unpacked folder, stands alone in."""
    return home / "uploads" / id_[:2] / id_


def _only(folder: Path) -> Path | None:
    return next(iter(folder.iterdir()), None) if folder.is_dir() else None


def _move(source: Path, target: Path) -> None:
    # Done in no time, inside a transaction; one that is run again finds it done.
    if source.exists() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)


def _upload(row: Any) -> Upload:
    return Upload(**{name: getattr(row, name) for name in Upload.__dataclass_fields__})


async def _lock(connection: AsyncConnection, id_: str) -> None:
    """Let nobody else make or delete this file meanwhile; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        number = int(id_[:15], 16)
        await connection.execute(sql("SELECT pg_advisory_xact_lock(:n)"), {"n": number})
