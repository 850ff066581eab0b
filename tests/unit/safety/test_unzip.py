from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from fabula.errors import UnfitFile
from fabula.safety.unzip import ZipLimits, unpack_zip


def packed(tmp_path: Path, files: Mapping[str, bytes | str], *, attr: int = 0) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = attr
            made.writestr(info, data)
    return path


def unpacked(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_unpacks_what_was_packed_but_not_what_systems_add(tmp_path: Path) -> None:
    files: Mapping[str, bytes | str] = {
        "posts/a.md": "# 가을",
        "posts/pics/b.png": b"png",
        "__MACOSX/posts/._a.md": b"x",
        "posts/.DS_Store": b"x",
        "posts/Thumbs.db": b"x",
        "posts/empty/": b"",
    }
    size = unpack_zip(packed(tmp_path, files), tmp_path / "out")
    wanted = {"posts/a.md": "# 가을".encode(), "posts/pics/b.png": b"png"}
    assert (unpacked(tmp_path / "out"), size) == (wanted, 11)


@pytest.mark.parametrize(
    "name",
    [
        "../x.md",
        "a/../../x.md",
        "/etc/x.md",
        "a//x.md",
        "./x.md",
        "a/./x.md",
        "C:/x.md",
        "a\\..\\x.md",
        "a\nb.md",
        "x" * 201 + ".md",
        "d/" * 20 + "x.md",
    ],
)
def test_no_name_leads_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnfitFile) as raised:
        unpack_zip(packed(tmp_path, {name: b"x"}), tmp_path / "a" / "out")
    assert raised.value.code == "file_content"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFSOCK])
def test_no_link_or_device_is_made(tmp_path: Path, kind: int) -> None:
    path = packed(tmp_path, {"a.md": b"/etc/passwd"}, attr=(kind | 0o777) << 16)
    with pytest.raises(UnfitFile, match="link or a special file"):
        unpack_zip(path, tmp_path / "out")


def test_what_ordinary_tools_pack_is_taken(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.md": b"x"}, attr=(stat.S_IFREG | 0o755) << 16)
    unpack_zip(path, tmp_path / "out")
    # No bit of the zip's: nothing that is unpacked can be executed.
    assert (tmp_path / "out" / "a.md").stat().st_mode & 0o111 == 0


@pytest.mark.parametrize("pair", [("a.md", "A.md"), ("a", "a/b.md"), ("가.md", "\u1100\u1161.md")])
def test_two_of_one_name_are_refused(tmp_path: Path, pair: tuple[str, str]) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name in pair:
            made.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(UnfitFile, match="twice"):
        unpack_zip(path, tmp_path / "out")


def test_limits_count_true_bytes(tmp_path: Path) -> None:
    limits = ZipLimits(files=3, file_bytes=1000, bytes=1500, ratio=100, free_bytes=10_000)
    one = packed(tmp_path, {"a.md": os.urandom(1001)})
    with pytest.raises(UnfitFile, match="too much") as raised:
        unpack_zip(one, tmp_path / "one", limits=limits)
    assert raised.value.code == "file_too_large"
    all_of_it = packed(tmp_path, {"a.md": os.urandom(900), "b.md": os.urandom(900)})
    with pytest.raises(UnfitFile, match="too much"):
        unpack_zip(all_of_it, tmp_path / "all", limits=limits)
    many = packed(tmp_path, {f"{number}.md": b"x" for number in range(4)})
    with pytest.raises(UnfitFile, match="more than 3 files"):
        unpack_zip(many, tmp_path / "many", limits=limits)


def test_a_bomb_is_stopped_by_what_it_grows_to(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.md": b"\0" * 50_000_000})
    assert path.stat().st_size < 60_000
    with pytest.raises(UnfitFile, match="100 times"):
        unpack_zip(path, tmp_path / "out")
    assert sum(len(data) for data in unpacked(tmp_path / "out").values()) < 6_000_000


def test_a_header_that_lies_of_its_size_is_not_believed(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.md": b"x" * 5000})
    raw = path.read_bytes().replace((5000).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    path.write_bytes(raw)
    limits = ZipLimits(file_bytes=1000)
    with pytest.raises(UnfitFile):
        unpack_zip(path, tmp_path / "out", limits=limits)
    assert sum(len(data) for data in unpacked(tmp_path / "out").values()) <= 1000


def test_names_of_old_korean_zips_are_read(tmp_path: Path) -> None:
    path = packed(tmp_path, {"AAAA.md": b"x"})
    path.write_bytes(path.read_bytes().replace(b"AAAA", "가을".encode("cp949")))
    unpack_zip(path, tmp_path / "out")
    assert list(unpacked(tmp_path / "out")) == ["가을.md"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x03\x04" + b"x" * 500, b"no zip"])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(UnfitFile, match="damaged"):
        unpack_zip(path, tmp_path / "out")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.md": b"x"})
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(UnfitFile, match="encrypted"):
        unpack_zip(path, tmp_path / "out")
