"""Carry a run elsewhere as one archive, and run it again from there or from here."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fabula
from fabula.errors import BadInput
from fabula.korean.particles import attach
from fabula.nodes import Replacements
from fabula.products import Product
from fabula.runs.folders import check_files, refuse_foreign_file
from fabula.runs.records.archive import write_archive
from fabula.runs.records.recording import read_recording
from fabula.runs.records.replay import Replayed, replay
from fabula.runs.records.unpacking import digest_of, read_archive
from fabula.settings import Settings
from fabula.store.documents import write_whole
from fabula.store.engine import Store
from fabula.store.runs import get_run

ProductOf = Callable[[str], Product]
_UNFINISHED = ("queued", "running")


async def export_run(
    store: Store, settings: Settings, product_of: ProductOf, run_id: str, file: Path
) -> Path:
    """Write a run's archive; BadInput where it is still being executed."""
    row = await get_run(store, run_id)
    await asyncio.to_thread(refuse_foreign_file, file)
    if row.status in _UNFINISHED:
        raise BadInput(
            "run",
            f"`{run_id}` is not at rest ({row.status}): wait for its end, or cancel it",
            f"{attach(f'`{run_id}`', '는')} 아직 끝나지 않았습니다({row.status}). "
            "끝나기를 기다리거나 취소하세요",
        )
    recording = await read_recording(store, run_id)
    data = await asyncio.to_thread(
        write_archive,
        recording,
        product_of(row.product),
        settings=settings,
        places=_places(settings, row),
    )
    await asyncio.to_thread(_write, file, data)
    return file


async def replay_run(
    settings: Settings,
    product_of: ProductOf,
    source: str | Path,
    *,
    out: str | Path | None,
    replace: Replacements | None,
    digest: str | None = None,
) -> Replayed:
    """Replay an archive where `source` is a file's path, else a run of the home's store."""
    if is_archive(source):
        recording = await asyncio.to_thread(read_archive, Path(source), product_of, digest)
    elif digest is not None:
        raise BadInput(
            "digest",
            f"`{source}` is a run of this home: only an archive's file has a digest",
            f"{attach(f'`{source}`', '는')} 이 홈의 실행입니다. 요약값은 내보낸 파일에만 있습니다",
        )
    else:
        store = await Store.open(settings)
        try:
            recording = await read_recording(store, str(source))
        finally:
            await store.close()
    made = product_of(recording.run.product)
    if out is not None:
        files = {one.name: one.hash for one in recording.artifacts}
        await asyncio.to_thread(check_files, Path(out), files)
    return await replay(recording, made, out=Path(out) if out else None, replace=replace)


def is_archive(source: str | Path) -> bool:
    """Say whether a source names an archive's file rather than a run."""
    if isinstance(source, Path):
        return True
    return source.endswith(".zip") or re.search(r"[/\\]", source) is not None


def _write(file: Path, data: bytes) -> None:
    try:
        write_whole(file.absolute(), data)
    except OSError as error:
        raise BadInput(
            "out",
            f"{file} cannot be written: {error.strerror}",
            f"{file}에 쓸 수 없습니다: {error.strerror}",
        ) from None


def _places(settings: Settings, row: Any) -> Mapping[str, str]:
    """Return the paths of this machine that a message may quote, and what stands in for them."""
    named = {
        Path(fabula.__file__).parent: "<fabula>",
        Path(tempfile.gettempdir()): "<tmp>",
        Path.home(): "~",
        Path.cwd(): ".",
        settings.home.resolve(): "<home>",
        Path(row.out): "<out>",
    }
    # A root is part of every path: to cut it out would cut the texts.
    return {str(path): name for path, name in named.items() if len(path.parts) > 1}


__all__ = ["Replayed", "digest_of", "export_run", "is_archive", "replay_run"]
