"""Files that briefs may name: upload, look at, list, delete."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from fabula.errors import BadInput, UnfitFile
from fabula.runs.receiving import CHUNK, take_file, too_large
from fabula.safety.sniff import KINDS
from fabula.service.auth import Who
from fabula.service.cursors import PATTERN, cursor_of, read_cursor
from fabula.service.samples import UPLOAD
from fabula.service.state import Here
from fabula.service.views import moment
from fabula.store.files import Upload, delete_file, find_file, list_files

router = APIRouter(prefix="/v1", tags=["files"])
FIELD = "file"
AROUND = 100_000
"""How many bytes a form may have around its file."""
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {
                        FIELD: {
                            "type": "string",
                            "format": "binary",
                            "description": f"A file whose name ends in {' '.join(sorted(KINDS))}",
                        }
                    },
                },
                "examples": UPLOAD,
            }
        },
    }
}


class _TooLarge(MultiPartException):
    """Of the parser's own kind, so that it closes what it has opened."""


class FileView(BaseModel):
    """An uploaded file. `reference` is what a brief names it by; `hash` is its bytes' SHA-256."""

    file_id: str
    reference: str
    name: str
    media_type: str
    size: int
    hash: str
    created_at: datetime


class FilePage(BaseModel):
    """Some files, newest first; `next` is the cursor of the page that follows, None: the last."""

    files: list[FileView]
    next: str | None


@router.post(
    "/files",
    status_code=201,
    openapi_extra=_FORM,
    responses={200: {"model": FileView, "description": "It was uploaded before"}},
)
async def upload_file(request: Request, service: Here, who: Who, response: Response) -> FileView:
    """Upload a file, as the field `file` of a form; a zip stands for the folder in it.

    Its type is what name, `Content-Type` and bytes agree on. The same bytes under the same name
    are one file: the second answer is 200.
    """
    settings = service.settings
    sent = await _sent(request, settings.upload_max_bytes)
    try:
        upload, new = await take_file(
            settings,
            service.store,
            owner=who.owner,
            name=sent.filename or "",
            said=sent.content_type or "",
            chunks=_chunks(sent),
        )
    finally:
        await sent.close()
    response.status_code = 201 if new else 200
    response.headers["Location"] = f"/v1/files/{upload.id}"
    return file_view(upload)


@router.get("/files")
async def list_uploads(
    service: Here,
    who: Who,
    cursor: Annotated[str | None, Query(pattern=PATTERN)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> FilePage:
    """List the uploaded files, newest first."""
    before = read_cursor(cursor) if cursor is not None else None
    found = await list_files(service.store, who.owner, limit=limit + 1, before=before)
    page = found[:limit]
    more = cursor_of(page[-1].created_at, page[-1].id) if len(found) > limit else None
    return FilePage(files=[file_view(one) for one in page], next=more)


@router.get("/files/{file}")
async def show_file(file: str, service: Here, who: Who) -> FileView:
    """Say what an uploaded file is."""
    return file_view(await find_file(service.store, who.owner, file))


@router.delete("/files/{file}", status_code=204)
async def delete_upload(file: str, service: Here, who: Who) -> None:
    """Delete an uploaded file; 409 while a run that has not ended names it."""
    await delete_file(service.store, who.owner, file)


def file_view(upload: Upload) -> FileView:
    """Return a file as it looks from outside."""
    created = moment(upload.created_at)
    assert created is not None  # noqa: S101 - it has a time
    return FileView(
        file_id=upload.id,
        reference=f"file:{upload.id}",
        name=upload.name,
        media_type=upload.media_type,
        size=upload.size,
        hash=upload.hash,
        created_at=created,
    )


async def _sent(request: Request, most: int) -> UploadFile:
    """Read the form, no more of it than may be sent; UnfitFile or BadInput where it is none."""
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "multipart/form-data":
        raise UnfitFile(
            "send it as the field `file` of multipart/form-data",
            "multipart/form-data의 `file` 항목으로 보내세요",
            code="file_type",
        )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:18]) > most + AROUND:
        raise too_large(most)
    chunks = _limited(request, most)
    try:
        form = await MultiPartParser(request.headers, chunks, max_files=1, max_fields=8).parse()
    except _TooLarge:
        raise too_large(most) from None
    except (MultiPartException, KeyError, UnicodeDecodeError, ValueError) as error:
        raise _no_form(getattr(error, "message", "it cannot be read")) from None
    sent: Any = form.get(FIELD)
    if not isinstance(sent, UploadFile):
        await form.close()
        raise _no_form(f"it has no file in the field `{FIELD}`")
    return sent


async def _limited(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > most + AROUND:
            raise _TooLarge("too large")
        yield chunk


async def _chunks(sent: UploadFile) -> AsyncGenerator[bytes, None]:
    while chunk := await sent.read(CHUNK):
        yield chunk


def _no_form(why: str) -> BadInput:
    return BadInput(
        FIELD, f"the form is not as it should be: {why}", "올바른 multipart 양식이 아닙니다"
    )
