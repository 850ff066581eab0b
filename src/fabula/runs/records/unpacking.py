"""Read an archive that anyone may have made: every part is checked before it is used."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from os import SEEK_END
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from fabula.documents import content_hash
from fabula.errors import BadInput
from fabula.korean.particles import attach
from fabula.products import Product
from fabula.runs.records.accord import faults
from fabula.runs.records.contents import (
    CALLS,
    EVENTS,
    FORMAT,
    MANIFEST,
    RUN,
    VERSION,
    DocumentEntry,
    Manifest,
    artifact_path,
    kinds_of,
)
from fabula.runs.records.recording import CallRecord, EventRecord, Recording, RunRecord
from fabula.store.documents import check_name
from fabula.store.tables import REVISION

MAX_BYTES = 500_000_000
MAX_MEMBERS = 20_000
MAX_RATIO = 200
SMALL = 1_000_000
"""Up to so many bytes a member may be packed as tightly as it likes."""
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
)
M = TypeVar("M", bound=BaseModel)


def digest_of(file: Path) -> str:
    """Return an archive's digest: SHA-256 of its manifest, which lists every member's own."""
    return _digest(_read(file))


def read_archive(
    file: Path, product_of: Callable[[str], Product], digest: str | None = None
) -> Recording:
    """Read an archive into memory; nothing is written, nothing outside it is read.

    Raises BadInput where it is no archive of ours, is too large, was altered, was made by a
    version with other schemas, or has another digest than the given one.
    """
    members = _read(file)
    if digest is not None and _digest(members) != digest.strip().lower().removeprefix("sha256:"):
        _refuse(
            f"its digest is {_digest(members)}, not {digest}: it is another archive, or was "
            "altered after the export",
            f"요약값이 {_digest(members)}입니다. 받은 값 {digest}와 다르니 다른 파일이거나 "
            "내보낸 뒤에 바뀌었습니다",
        )
    return _recording(members, product_of)


def _read(file: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = _members(archive)
            _check_ends(file, archive)
            return members
    except FileNotFoundError:
        _refuse(f"{file.name} does not exist", f"{file.name} 파일이 없습니다")
    except _UNREADABLE as error:
        _refuse(f"{file.name} is not a zip archive that can be read: {error}", "읽을 수 없습니다")


def _digest(members: Mapping[str, bytes]) -> str:
    if MANIFEST not in members:
        _refuse("has no manifest: `fabula export` makes archives", "목록이 없습니다")
    return hashlib.sha256(members[MANIFEST]).hexdigest()


def _check_ends(file: Path, archive: zipfile.ZipFile) -> None:
    """Refuse bytes before, between and after the members: no hash covers them."""
    at = 0
    with file.open("rb") as opened:
        for one in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
            opened.seek(at)
            head = opened.read(30)
            if one.header_offset != at or head[:4] != b"PK\x03\x04":
                _refuse(f"holds bytes before `{one.filename}`", "목록에 없는 바이트가 있습니다")
            at += 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
            at += one.compress_size
        rest = opened.seek(0, SEEK_END) - at
    whole = sum(
        46 + len(one.orig_filename.encode()) + len(one.extra) + len(one.comment)
        for one in archive.infolist()
    )
    if archive.start_dir != at or rest != whole + 22 or archive.comment:
        _refuse("holds bytes after its members", "목록에 없는 바이트가 있습니다")


def _recording(members: Mapping[str, bytes], product_of: Callable[[str], Product]) -> Recording:
    manifest = _manifest(members)
    made = product_of(manifest.product)
    _check_members(manifest, members)
    documents = {one.id: _document(one, members, made) for one in manifest.documents}
    for artifact in manifest.artifacts:
        data = members.get(artifact_path(artifact.name), b"")
        if hashlib.sha256(data).hexdigest() != artifact.hash or len(data) != artifact.size:
            _altered(artifact_path(artifact.name))
    run = _model(RunRecord, members, RUN)
    if (run.id, run.product) != (manifest.run, manifest.product) or run.brief not in documents:
        _altered(RUN)
    recording = Recording(
        run=run,
        documents=documents,
        events=tuple(_lines(EventRecord, members, EVENTS)),
        calls=tuple(_lines(CallRecord, members, CALLS)),
        artifacts=manifest.artifacts,
        data={one.hash: members[artifact_path(one.name)] for one in manifest.artifacts},
    )
    for en, ko in faults(recording, manifest, made):
        _refuse(en, ko)
    return recording


def _members(archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        _refuse(f"holds {len(entries)} members, at most {MAX_MEMBERS}", "파일이 너무 많습니다")
    names = [one.filename for one in entries]
    if len(set(names)) != len(names):
        _refuse("names a member twice", "같은 이름의 파일이 두 번 있습니다")
    if sum(one.file_size for one in entries) > MAX_BYTES:
        _refuse(f"unpacks to more than {MAX_BYTES:,} bytes", "풀면 너무 큽니다")
    for one in entries:
        _check_path(one.filename)
        if one.file_size > SMALL and one.file_size > MAX_RATIO * max(1, one.compress_size):
            _refuse(f"`{one.filename}` is packed too tightly to be honest", "압축이 지나칩니다")
        if one.flag_bits & 1:
            _refuse(f"`{one.filename}` is encrypted", "암호가 걸려 있습니다")
    # A member is never read past the size that it declares, which was counted above.
    return {one.filename: archive.read(one) for one in entries}


def _check_path(name: str) -> None:
    try:
        check_name(name)
    except BadInput:
        _refuse(f"names the path {name!r}, which leads outside", "바깥을 가리키는 경로가 있습니다")


def _manifest(members: Mapping[str, bytes]) -> Manifest:
    if MANIFEST not in members:
        _refuse("has no manifest: `fabula export` makes archives", "목록이 없습니다")
    given = _plain(members, MANIFEST)
    version = given.get("format_version") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or given.get("format") != FORMAT:
        _refuse("is no export of a fabula run", "fabula가 내보낸 실행이 아닙니다")
    if version != VERSION or given.get("store_schema") != REVISION:
        _refuse(
            f"was made by fabula {given.get('fabula')} (archive version {version}, store schema "
            f"{given.get('store_schema')}); this version reads {VERSION} and {REVISION}: replay "
            "it with the fabula that made it",
            f"다른 버전의 fabula({given.get('fabula')})가 만들었습니다",
        )
    return _valid(Manifest, given, MANIFEST)


def _check_members(manifest: Manifest, members: Mapping[str, bytes]) -> None:
    listed = {MANIFEST, *manifest.files}
    if strange := sorted(set(members) - listed) + sorted(listed - set(members)):
        _refuse(f"does not hold what its manifest lists: `{strange[0]}`", "목록과 다릅니다")
    for path, entry in manifest.files.items():
        data = members[path]
        if hashlib.sha256(data).hexdigest() != entry.sha256 or len(data) != entry.size:
            _altered(path)


def _document(
    entry: DocumentEntry, members: Mapping[str, bytes], made: Product
) -> Mapping[str, Any]:
    name = entry.id.partition(":")[0]
    kind = kinds_of(made).get(name)
    known = kind.model_fields["schema_version"].default if kind else entry.schema_version
    if entry.schema_version != known:
        _refuse(
            f"holds {name} of schema version {entry.schema_version}; this version of fabula "
            f"reads {known}",
            f"{name}의 스키마 버전이 {entry.schema_version}입니다. 읽을 수 있는 것은 {known}입니다",
        )
    body = _plain(members, entry.path)
    if not isinstance(body, Mapping):
        _altered(entry.path)
    if not entry.altered and entry.id != f"{name}:{content_hash(body)}":
        _altered(entry.path)
    return body


def _lines(model: type[M], members: Mapping[str, bytes], path: str) -> list[M]:
    lines = members.get(path, b"").splitlines()
    return [_valid(model, _parsed(line, path), f"{path}:{n}") for n, line in enumerate(lines, 1)]


def _model(model: type[M], members: Mapping[str, bytes], path: str) -> M:
    return _valid(model, _plain(members, path), path)


def _plain(members: Mapping[str, bytes], path: str) -> Any:
    if path not in members:
        _refuse(f"has no `{path}`", f"{attach(f'`{path}`', '이')} 없습니다")
    return _parsed(members[path], path)


def _parsed(data: bytes, path: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        _refuse(
            f"`{path}` is not valid JSON: {error}",
            f"{attach(f'`{path}`', '는')} 올바른 JSON이 아닙니다",
        )


def _valid(model: type[M], given: object, path: str) -> M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        _refuse(
            f"`{path}`: {where}: {first['msg']}",
            f"`{path}`의 {attach(where or '내용', '이')} 틀렸습니다",
        )


def _altered(path: str) -> NoReturn:
    _refuse(
        f"`{path}` was altered after the export",
        f"{attach(f'`{path}`', '이')} 내보낸 뒤에 바뀌었습니다",
    )


def _refuse(en: str, ko: str) -> NoReturn:
    raise BadInput("archive", en, ko)
