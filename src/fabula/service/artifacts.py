"""The files that a run made: listed, one by one, all in one zip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from fabula.service.auth import Who
from fabula.service.problems import Refused, excerpt
from fabula.service.state import Here, Service
from fabula.service.views import ArtifactView, artifact_view
from fabula.service.zipping import zip_hash, zipped
from fabula.store.documents import list_artifacts, read_checked
from fabula.store.ports import Artifact
from fabula.store.published import published_names
from fabula.store.runs import RunRow

router = APIRouter(prefix="/v1", tags=["artifacts"])
SHOWN = ("text/", "image/", "audio/", "video/", "application/json", "application/pdf")
"""Media types that a browser may show; the rest it saves."""
GUARDED = {
    "X-Content-Type-Options": "nosniff",
    # A made page may show its own pictures and styles, and neither run scripts nor send anything.
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self' data:; "
    "media-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_KNOWN: dict[int | str, dict[str, Any]] = {304: {"description": "It is what `If-None-Match` names"}}
BYTES = {"content": {"application/octet-stream": _BINARY}}


class ArtifactList(BaseModel):
    """The files of a run, by name."""

    artifacts: list[ArtifactView]


@router.get("/runs/{run}/artifacts")
async def list_files(run: str, service: Here, who: Who) -> ArtifactList:
    """List the files that a run has made so far, and which of them it has published."""
    row = await service.run_of(who, run)
    found = await list_artifacts(service.store, row.id)
    published = await published_names(service.store, row, found)
    return ArtifactList(artifacts=[artifact_view(row.id, one, published) for one in found])


@router.get(
    "/runs/{run}/artifacts.zip",
    status_code=200,
    response_class=Response,
    responses={
        200: {"content": {"application/zip": _BINARY}},
        304: {"description": "It is what `If-None-Match` names"},
    },
)
async def zip_files(
    run: str,
    service: Here,
    who: Who,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Send every file of a run as one zip; the same files always make the same bytes."""
    row = await service.run_of(who, run)
    files = await list_artifacts(service.store, row.id)
    headers = {
        **GUARDED,
        "ETag": f'"{zip_hash(files)}"',
        "Content-Disposition": f'attachment; filename="{row.product}-{row.id}.zip"',
    }
    if _known(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    chunks = zipped(service.store.home, files)
    # The first file is read before the answer begins: bytes that are missing are told as such.
    first = await anext(chunks, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return StreamingResponse(whole(), headers=headers, media_type="application/zip")


@router.get(
    "/runs/{run}/artifacts/{name:path}",
    status_code=200,
    response_class=Response,
    responses={200: BYTES, **_KNOWN},
)
async def send_file(
    run: str,
    name: str,
    service: Here,
    who: Who,
    *,
    download: Annotated[bool, Query()] = False,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Send one file of a run; its ETag is its hash. `download` makes a browser save it."""
    row = await service.run_of(who, run)
    found = await _find(service, row, name)
    headers = {
        **GUARDED,
        "ETag": f'"{found.hash}"',
        "Content-Disposition": _disposition(found, download=download),
    }
    if _known(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    data = await asyncio.to_thread(read_checked, service.store.home, found.hash)
    return Response(data, headers={**headers, "Content-Type": _content_type(found.media_type)})


async def _find(service: Service, row: RunRow, name: str) -> Artifact:
    for one in await list_artifacts(service.store, row.id):
        if one.name == name:
            return one
    raise Refused(
        404,
        "unknown_artifact",
        f"the run has no file {excerpt(name)}; GET /v1/runs/{row.id}/artifacts lists them",
        f"이 실행에는 {excerpt(name)} 파일이 없습니다. GET /v1/runs/{row.id}/artifacts를 보세요",
        field="name",
    )


def _disposition(found: Artifact, *, download: bool) -> str:
    shown = found.media_type.startswith(SHOWN) and not download
    name = found.name.rpartition("/")[2]
    return f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(name, safe='')}"


def _content_type(media_type: str) -> str:
    plain = media_type.startswith("text/") and "charset" not in media_type
    return f"{media_type}; charset=utf-8" if plain else media_type


def _known(header: str | None, etag: str) -> bool:
    given = [one.strip().removeprefix("W/") for one in (header or "").split(",")]
    return etag in given or "*" in given
