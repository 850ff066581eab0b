"""Publish over nothing that is not ours: neither a stranger's files nor a run's own parent."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from fabula.errors import BadInput
from fabula.korean.particles import attach
from fabula.products import Product
from fabula.runs.records.contents import FORMAT, MANIFEST
from fabula.store.runs import RunRow

REPORT = "run.json"
"""What every publication holds, whatever the product."""


def check_out(out: str | Path | None, made: Product, parent: RunRow | None = None) -> None:
    """Refuse with BadInput a folder where a result would replace what is not its to replace.

    That is a stranger's file, and of a change the run `parent` that it changes.
    """
    if out is None:
        return
    if parent is not None:
        _refuse_own_parent(Path(out), parent)
    _refuse_foreign(Path(out), made)


def _refuse_foreign(out: Path, made: Product) -> None:
    if not out.is_dir() or is_publication(out):
        return
    for name in (REPORT, *made.publishes):
        path = out / name
        # A folder of ours takes files with names of their own beside those that are there.
        if path.is_file() or (path.exists() and not name.endswith("/")):
            raise foreign_file(out, name)


def check_files(out: Path, files: Mapping[str, str]) -> None:
    """Refuse with BadInput a folder where one of the files, hash by name, replaces a stranger's.

    A file with the very same bytes is none.
    """
    if is_publication(out):
        return
    for name, digest in files.items():
        path = out / name
        if path.exists() and not _has(path, digest):
            raise foreign_file(out, name)


def check_beside(out: Path, names: Collection[str], folders: Collection[str]) -> None:
    """Refuse with BadInput to replace files beside the folders that runs publish into.

    They are ours where one of those folders is.
    """
    if any(is_publication(out / folder) for folder in folders):
        return
    for name in names:
        if (out / name).exists():
            raise foreign_file(out, name)


def foreign_file(out: Path, name: str) -> BadInput:
    """Make the refusal of a folder where a stranger's file would be replaced."""
    return BadInput(
        "out",
        f"{out} holds `{name}`, which is not of fabula and would be replaced; name an empty or "
        "new folder, or move the file away",
        f"{out} 폴더에 fabula가 만들지 않은 {attach(f'`{name}`', '이')} 있어 덮어쓰게 됩니다. "
        "비어 있거나 새로운 폴더를 주거나 파일을 옮기세요",
    )


def _refuse_own_parent(out: Path, parent: RunRow) -> None:
    if out.resolve() == Path(parent.out).resolve():
        raise BadInput(
            "out",
            f"{out} holds the run `{parent.id}` that is changed; name another folder, nothing "
            "finished is replaced",
            f"{out} 폴더에는 바꾸려는 실행 {attach(f'`{parent.id}`', '이')} 있습니다. 끝난 것은 "
            "덮어쓰지 않으니 다른 폴더를 주세요",
        )


def refuse_foreign_file(file: Path) -> None:
    """Refuse with BadInput to write an archive over a file that is no archive of a run."""
    if file.is_file() and not _is_archive(file):
        raise BadInput(
            "out",
            f"{file} is not an archive of fabula and is not replaced; name another file",
            f"{attach(str(file), '은')} fabula가 내보낸 파일이 아니어서 덮어쓰지 않습니다. "
            "다른 파일 이름을 주세요",
        )


def _has(file: Path, digest: str) -> bool:
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest


def is_publication(folder: Path) -> bool:
    """Say whether a folder holds what a run has published."""
    try:
        read = json.loads((folder / REPORT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(read, dict) and {"run_id", "product", "outcome"} <= read.keys()


def _is_archive(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = json.loads(archive.read(MANIFEST))
    except (OSError, ValueError, KeyError, RuntimeError, RecursionError, zipfile.BadZipFile):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT
