from __future__ import annotations

import os
import unicodedata
import zipfile
from pathlib import Path

import pytest

from fabula.client import packing
from fabula.client.packing import files_of, folder_name, pack
from fabula.errors import BadInput
from fabula.safety.unzip import unpack_zip


def folder(tmp_path: Path, *names: str) -> Path:
    root = tmp_path / "가을 글"
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, "utf-8")
    return root


def names_of(root: Path) -> list[str]:
    return [one.relative_to(root).as_posix() for one in files_of(root)]


def test_hidden_files_and_folders_of_tools_stay_here(tmp_path: Path) -> None:
    kept = ("a.md", "b/c.md", "b/note.pdf")
    left = (".env", ".git/config", "node_modules/x.js", "b/__pycache__/y.pyc", "b/.x.md")
    assert names_of(folder(tmp_path, *kept, *left)) == list(kept)


def test_links_count_where_a_folder_would_miss_them(tmp_path: Path) -> None:
    root = folder(tmp_path, "a.md", "a.jpg", ".kept/own.md")
    (tmp_path / "secret.md").write_text("not yours")
    (root / "again.md").symlink_to("a.md")
    (root / "again.jpg").symlink_to("a.jpg")
    (root / "own.md").symlink_to(".kept/own.md")
    (root / "twice.md").symlink_to(".kept/own.md")
    (root / "outside.md").symlink_to(tmp_path / "secret.md")
    (root / "outside").symlink_to(tmp_path)
    (root / "nowhere.md").symlink_to("gone.md")
    (root / "round.md").symlink_to("round.md")
    assert names_of(root) == ["a.jpg", "a.md", "again.jpg", "own.md"]


def test_what_cannot_be_read_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path, "a.md", "b.md")
    # Root reads everything, whatever a file's mode says.
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "a.md")
    assert names_of(root) == ["b.md"]


def test_too_many_files_are_refused_before_any_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MOST_FILES", 3)
    root = folder(tmp_path, "1.md", "2.md", "3.md")
    assert len(files_of(root)) == 3
    (root / "4.md").write_text("4")
    with pytest.raises(BadInput) as caught:
        files_of(root)
    assert root.name in caught.value.en


def test_the_same_files_are_the_same_bytes_whenever_they_were_written(tmp_path: Path) -> None:
    zips = []
    for number in (1, 2):
        root = folder(tmp_path / str(number), "b.md", "a.md", "그림/x.jpg")
        os.utime(root / "a.md", (number * 1e9, number * 1e9))
        (root / "b.md").chmod(0o600 + number)
        target = tmp_path / f"{number}.zip"
        pack(target, root, files_of(root))
        zips.append(target.read_bytes())
    assert zips[0] == zips[1]


def test_a_service_unpacks_what_was_packed(tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "느린 길.md")
    root = folder(tmp_path, "a.md", "그림/x y.jpg", apart)
    target, out = tmp_path / "x.zip", tmp_path / "out"
    pack(target, root, files_of(root))
    unpack_zip(target, out)
    files = sorted(one.relative_to(out).as_posix() for one in out.rglob("*") if one.is_file())
    whole = unicodedata.normalize("NFC", apart)
    assert files == sorted(f"가을 글/{name}" for name in ("a.md", "그림/x y.jpg", whole))
    assert (out / "가을 글" / whole).read_text("utf-8") == apart


def test_pictures_are_not_packed_a_second_time(tmp_path: Path) -> None:
    root = folder(tmp_path, "a.md", "a.jpg")
    pack(tmp_path / "x.zip", root, files_of(root))
    with zipfile.ZipFile(tmp_path / "x.zip") as packed:
        kinds = {one.filename.rpartition("/")[2]: one.compress_type for one in packed.infolist()}
    assert kinds == {"a.md": zipfile.ZIP_DEFLATED, "a.jpg": zipfile.ZIP_STORED}


@pytest.mark.parametrize(("name", "packed"), [("글", "글"), ("a:b*", "a_b_"), (".posts", "posts")])
def test_a_folder_keeps_its_name_as_far_as_a_zip_can(
    name: str, packed: str, tmp_path: Path
) -> None:
    (tmp_path / name).mkdir()
    assert folder_name(tmp_path / name) == packed
    assert folder_name(tmp_path / name / ".." / name) == packed


def test_the_root_of_all_folders_has_a_name_too() -> None:
    assert folder_name(Path("/")) == "folder"
