"""Uploaded files in briefs: `file:<id>` in the row, a path on this machine for the graph alone."""

from __future__ import annotations

import asyncio
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from fabula.documents import Document, inside_upload, machine_paths, uploaded, with_paths
from fabula.errors import BadInput, UnknownFile
from fabula.store.documents import StoredDocuments
from fabula.store.engine import Fence, Store
from fabula.store.files import find_file, place_of
from fabula.store.ports import D

M = TypeVar("M", bound=Document)


async def check_uploads(store: Store, owner: str, brief: Document) -> None:
    """Refuse with UnknownFile a brief that names a file which is not the owner's.

    BadInput where an uploaded folder does not hold what is named of it.
    """
    for field, value in machine_paths(brief):
        if not value.startswith("file:"):
            continue
        id_ = uploaded(value) or value.removeprefix("file:")
        try:
            await find_file(store, owner, id_)
        except UnknownFile:
            raise UnknownFile(id_, field=f"brief.{field}") from None
        if inside_upload(value):
            place = await _place(store, owner, value)
            if not await asyncio.to_thread(place.exists):
                raise BadInput(
                    f"brief.{field}",
                    f"the upload holds no `{place.name[:80]}`",
                    f"올린 파일 안에 `{place.name[:80]}`이 없습니다",
                )


async def located(store: Store, owner: str, brief: M) -> M:
    """Return the brief with the paths of the uploaded files that it names.

    One that was deleted stays as it is, a path that leads nowhere: what has read it before goes on
    without it.
    """
    places: dict[str, str] = {}
    for _, value in machine_paths(brief):
        if uploaded(value):
            with suppress(UnknownFile):
                places[value] = str(await _place(store, owner, value))
    return with_paths(brief, lambda path: places.get(path, path)) if places else brief


async def _place(store: Store, owner: str, value: str) -> Path:
    """Return where an upload, or what is named of it, stands on this machine."""
    whole = await place_of(store, owner, uploaded(value) or "")
    # As unpacking writes names.
    return whole.joinpath(*(unicodedata.normalize("NFC", one) for one in inside_upload(value)))


class LocatedDocuments(StoredDocuments):
    """A run's documents, of which its brief names paths where its row names uploaded files."""

    def __init__(self, store: Store, fence: Fence, *, owner: str, brief: str) -> None:
        super().__init__(store, fence)
        self._owner = owner
        self._brief = brief

    async def get(self, kind: type[D], id: str) -> D:  # noqa: A002
        found = await super().get(kind, id)
        if id != self._brief:
            return found
        return await located(self._store, self._owner, found)
