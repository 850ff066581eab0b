"""Uploaded files in briefs: `file:<id>` in the row, a path on this machine for the graph alone."""

from __future__ import annotations

import asyncio
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from fabula.documents import Document, inside_upload, machine_paths, uploaded, with_paths
from fabula.errors import BadInput, Conflict, UnknownFile
from fabula.products import Product
from fabula.store.documents import StoredDocuments
from fabula.store.engine import Fence, Store
from fabula.store.events import last_note
from fabula.store.files import find_file, place_of
from fabula.store.ports import D
from fabula.store.runs import RunRow

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


async def check_unread(store: Store, made: Product, row: RunRow) -> None:
    """Refuse with Conflict to go on with a run whose upload was deleted before it was read.

    Its first step reads what a brief names: after that the files are not asked for again, and a
    changed run never asks for them.
    """
    if row.parent is not None or await last_note(store, row.id, "step.finished") is not None:
        return
    brief = await StoredDocuments(store, Fence(row.id, row.epoch)).get(made.brief, row.brief)
    for field, value in machine_paths(brief):
        if not (id_ := uploaded(value)):
            continue
        try:
            await find_file(store, row.owner, id_)
        except UnknownFile:
            raise Conflict(
                f"brief.{field}",
                f"the uploaded file `{id_}` was deleted before `{row.id}` had read it: upload the "
                "same file again under the same name, which gives it the same id, and resume; or "
                "start a new run with another file",
                f"`{row.id}`가 읽기 전에 올린 파일 `{id_}`이 지워졌습니다. 같은 파일을 같은 "
                "이름으로 다시 올리면 같은 번호가 되니 그 뒤에 이어 가거나, 다른 파일로 새 실행을 "
                "시작하세요",
                code="file_deleted",
                run=row.id,
            ) from None


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
