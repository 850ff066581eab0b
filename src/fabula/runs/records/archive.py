"""A run as one file: what it made, asked and published, with the hash of every part.

The same run gives the same bytes. Nothing in it names a place on this machine or holds a secret.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

from pydantic import BaseModel, SecretStr

import fabula
from fabula.documents import portable
from fabula.errors import BadInput
from fabula.products import Product
from fabula.runs.records.contents import (
    BRIEF,
    CALLS,
    EVENTS,
    FORMAT,
    MANIFEST,
    RUN,
    VERSION,
    DocumentEntry,
    FileEntry,
    Manifest,
    artifact_path,
    document_path,
    kinds_of,
)
from fabula.runs.records.recording import Recording
from fabula.settings import Settings
from fabula.store.tables import REVISION

SHORTEST_SECRET = 8
"""Shorter values are placeholders such as `none`."""
EPOCH = (1980, 1, 1, 0, 0, 0)
MASK = "***"


def write_archive(
    recording: Recording, made: Product, *, settings: Settings, places: Mapping[str, str]
) -> bytes:
    """Return the archive's bytes; `places` maps paths of this machine to the names they get.

    Raises BadInput where a published file holds a secret: it cannot be masked there.
    """
    secrets = _secrets(settings)
    clean = _Cleaner(secrets, places)
    run = clean.model(recording.run)
    members: dict[str, bytes] = {RUN: _json(run)}
    entries: list[DocumentEntry] = []
    for id_, body in recording.documents.items():
        bare = _portable(made, id_, body, clean)
        path = BRIEF if id_ == recording.run.brief else document_path(id_)
        members[path] = _json(bare)
        entries.append(
            DocumentEntry(
                id=id_,
                path=path,
                schema_version=int(bare.get("schema_version", 1)),
                altered=bare != body,
            )
        )
    members[EVENTS] = _lines(clean.model(event) for event in recording.events)
    members[CALLS] = _lines(clean.model(call, places=False) for call in recording.calls)
    for artifact in recording.artifacts:
        data = recording.data[artifact.hash]
        if any(secret.encode() in data for secret in secrets):
            raise BadInput(
                f"artifact {artifact.name}",
                "holds the value of a secret setting: it is not exported",
                "비밀 설정의 값이 들어 있어 내보내지 않습니다",
            )
        members[artifact_path(artifact.name)] = data
    manifest = Manifest(
        format=FORMAT,
        format_version=VERSION,
        fabula=fabula.__version__,
        store_schema=REVISION,
        run=recording.run.id,
        product=recording.run.product,
        documents=tuple(entries),
        artifacts=recording.artifacts,
        files={path: FileEntry.of(data) for path, data in sorted(members.items())},
    )
    return _zipped({MANIFEST: _json(manifest.model_dump(mode="json")), **members})


def _portable(
    made: Product, id_: str, body: Mapping[str, Any], clean: _Cleaner
) -> Mapping[str, Any]:
    kind = kinds_of(made).get(id_.partition(":")[0])
    bare = portable(kind.model_validate(body)).model_dump(mode="json") if kind else body
    hidden: Mapping[str, Any] = clean.value(bare, places=False)
    return hidden


def _secrets(settings: Settings) -> list[str]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    secrets = (one.get_secret_value() for one in values if isinstance(one, SecretStr))
    return [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]


class _Cleaner:
    """Take secrets and this machine's places out of plain JSON."""

    def __init__(self, secrets: Sequence[str], places: Mapping[str, str]) -> None:
        self._secrets = dict.fromkeys(secrets, MASK)
        # A place inside another one goes first.
        self._places = dict(sorted(places.items(), key=lambda one: -len(one[0])))

    def model(self, model: BaseModel, *, places: bool = True) -> Any:
        return self.value(model.model_dump(mode="json"), places=places)

    def value(self, value: Any, *, places: bool) -> Any:
        if isinstance(value, str):
            for found, name in {**self._secrets, **(self._places if places else {})}.items():
                value = value.replace(found, name)
            return value
        if isinstance(value, Mapping):
            return {key: self.value(one, places=places) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one, places=places) for one in value]
        return value


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def _lines(values: Iterable[object]) -> bytes:
    lines = (json.dumps(one, ensure_ascii=False, sort_keys=True) for one in values)
    return "".join(f"{line}\n" for line in lines).encode()


def _zipped(members: Mapping[str, bytes]) -> bytes:
    whole = BytesIO()
    # Stored: a compressor's output differs between its versions, and pictures are compressed.
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(members, key=lambda one: (one != MANIFEST, one)):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, members[path])
    return whole.getvalue()
