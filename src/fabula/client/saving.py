"""A file of a run on its way to the disk: written beside its place, checked, then put there."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

from fabula.client.answers import Artifact
from fabula.client.exchange import Ask
from fabula.client.operations import artifact_path, run_path
from fabula.errors import BadInput, ServiceError

TRIES = 3
_ANYTHING = {"Accept": "*/*"}


class Saving:
    """One file; `wanted` is the SHA-256 that it must have, None: it is a zip that must be whole."""

    def __init__(self, target: Path, wanted: str | None) -> None:
        self.target = target
        self._wanted = wanted
        self._tried = 0
        self._part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()

    def begin(self) -> None:
        """Start from nothing; BadInput where nothing can be written there."""
        self._tried += 1
        self._digest = hashlib.sha256()
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("wb")
        except OSError as error:
            raise BadInput(
                "out",
                f"{self.target} cannot be written: {error.strerror}",
                f"{self.target}에 쓸 수 없습니다: {error.strerror}",
            ) from None

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        assert self._file  # noqa: S101 - it has begun
        self._digest.update(chunk)
        self._file.write(chunk)

    def finish(self) -> bool:
        """Put the file in its place; False where it has to come again, ServiceError at last."""
        self._close()
        if self._is_whole():
            self._part.replace(self.target)
            return True
        return self.lost(None)

    def lost(self, error: Exception | None) -> bool:
        """Say False while it is worth another try; raises after the last."""
        self.drop()
        if self._tried < TRIES:
            return False
        if error:
            raise error
        raise ServiceError(
            f"`{self.target.name}` came damaged {TRIES} times: its bytes are not what the service "
            "says they are",
            f"`{self.target.name}` 파일이 {TRIES}번 모두 깨져서 왔습니다",
            code="damaged",
        )

    def drop(self) -> None:
        """Leave nothing behind of a file that did not come."""
        self._close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _is_whole(self) -> bool:
        if self._wanted is not None:
            return self._digest.hexdigest() == self._wanted
        try:
            with ZipFile(self._part) as packed:
                return packed.testzip() is None
        except (BadZipFile, OSError):
            return False


def place_in(folder: Path, artifact: Artifact) -> Path:
    """Return where a file belongs below a folder; ServiceError for a name that leads out of it."""
    name = artifact.name
    parts = name.split("/")
    odd = any(ord(one) < ord(" ") or one in '\\:\x7f"<>|?*' for one in name)
    if odd or any(part in ("", ".", "..") for part in parts):
        raise ServiceError(
            f"the service names a file {name[:80]!r}, which is no plain name: nothing was written",
            f"서비스가 쓸 수 없는 파일 이름 {name[:80]!r}을 보냈습니다. 아무것도 쓰지 않았습니다",
            code="bad_answer",
        )
    return folder / PurePosixPath(*parts)


def wanted_of(artifacts: Sequence[Artifact], *, stored: bool) -> list[Artifact]:
    """Return a run's published files; with `stored` all of them."""
    return [one for one in artifacts if stored or one.published]


def places_in(folder: Path, artifacts: Sequence[Artifact]) -> list[Path]:
    """Return where each file belongs; BadInput where one would replace what is not of a run."""
    from fabula.runs.folders import check_files

    places = [place_in(folder, one) for one in artifacts]
    check_files(folder, {one.name: one.hash for one in artifacts})
    return places


def saving_file(run: str, artifact: Artifact, target: Path) -> tuple[Ask, Saving]:
    """Return what fetches a file of a run, and where its bytes go."""
    path = artifact_path(run, artifact.name)
    ask = Ask("GET", path, headers=_ANYTHING, again=True, stream=True)
    return ask, Saving(target, artifact.hash)


def saving_zip(run: str, target: Path) -> tuple[Ask, Saving]:
    """Return what fetches all files of a run, and where the zip goes."""
    path = f"{run_path(run)}/artifacts.zip"
    return Ask("GET", path, headers=_ANYTHING, again=True, stream=True), Saving(target, None)
