"""Take a file from whoever uploads it: counted, hashed, looked into, unpacked, then kept."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from fabula.errors import UnfitFile
from fabula.safety.sniff import HEAD, ZIP, clean_name, media_type_of
from fabula.safety.unzip import unpack_zip
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.files import Upload, find_file, incoming, keep_file, upload_id

CHUNK = 1 << 20


async def take_file(
    settings: Settings,
    store: Store,
    *,
    owner: str,
    name: str,
    said: str,
    chunks: AsyncIterator[bytes],
) -> tuple[Upload, bool]:
    """Keep what the chunks bring as the owner's file; return it, and whether it is new.

    `said` is its sender's media type. Raises UnfitFile before more than the limit is on the disk.
    """
    named = clean_name(name)
    folder = await asyncio.to_thread(incoming, store.home)
    try:
        sent = folder / "sent"
        digest, size = await _written(sent, chunks, settings.upload_max_bytes)
        prepared = folder / "prepared"
        kind = await asyncio.to_thread(_prepare, sent, prepared, named, said)
        upload = Upload(upload_id(owner, named, digest), owner, named, digest, kind, size, 0.0)
        new = await keep_file(store, upload, prepared, most=settings.uploads_max_bytes)
        return await find_file(store, owner, upload.id), new
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _written(target: Path, chunks: AsyncIterator[bytes], most: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    file: BinaryIO = await asyncio.to_thread(target.open, "xb")
    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise too_large(most)
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(_synced, file)
    finally:
        file.close()
    if size == 0:
        raise UnfitFile("the file is empty", "빈 파일입니다", code="file_content")
    return digest.hexdigest(), size


def too_large(most: int) -> UnfitFile:
    """Refuse a file of more than `most` bytes."""
    return UnfitFile(
        f"has more than {most:,} bytes", f"{most:,}바이트를 넘습니다", code="file_too_large"
    )


def _prepare(sent: Path, prepared: Path, name: str, said: str) -> str:
    """Put the file, or the folder that a zip holds, alone into `prepared`; return its type."""
    with sent.open("rb") as file:
        kind = media_type_of(name, said, file.read(HEAD))
    prepared.mkdir()
    if kind != ZIP:
        sent.rename(prepared / name)
        return kind
    unpacked = prepared.with_name("unpacked")
    unpacked.mkdir()
    unpack_zip(sent, unpacked)
    inside = list(unpacked.iterdir())
    if not inside:
        raise UnfitFile("the zip holds no file", "zip에 파일이 없습니다", code="file_content")
    # Whoever packs a folder gets a zip with that one folder in it.
    if len(inside) == 1 and inside[0].is_dir():
        inside[0].rename(prepared / inside[0].name)
    else:
        unpacked.rename(prepared / name.rpartition(".")[0])
    return kind


def _synced(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
