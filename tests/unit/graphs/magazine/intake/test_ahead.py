from __future__ import annotations

import os
from pathlib import Path

import pytest

from fabula.documents.magazine import MagazineBrief, SourceProblem
from fabula.graphs.magazine.intake.ahead import Ahead, stamp_of
from fabula.graphs.magazine.reading import Found, read_all

TEXT = "우체국 뒷골목의 초록색 문은 열 시 반에 열린다."


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tell which of the test's files were opened."""
    names: list[str] = []
    real = Path.read_bytes

    def read(path: Path) -> bytes:
        if path.is_relative_to(tmp_path):
            names.append(path.name)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    return names


def read(folder: Path, *, ahead: bool = False) -> list[Found | SourceProblem]:
    return list(read_all(MagazineBrief(angle="문", sources=str(folder)), ahead=ahead))


def test_what_an_estimate_read_is_not_opened_again_by_its_run(
    tmp_path: Path, opened: list[str]
) -> None:
    (tmp_path / "a.md").write_text(TEXT, "utf-8")
    (tmp_path / "b.md").write_bytes(TEXT[::-1].encode("cp949"))
    (tmp_path / "c.md").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    first = read(tmp_path, ahead=True)
    assert sorted(opened) == ["a.md", "b.md", "c.md"]
    assert read(tmp_path) == first
    assert len(opened) == 3


def test_a_second_run_reads_for_itself(tmp_path: Path, opened: list[str]) -> None:
    (tmp_path / "a.md").write_text(TEXT, "utf-8")
    for _ in range(2):
        read(tmp_path, ahead=True)
    assert opened == ["a.md"]
    for _ in range(2):
        read(tmp_path)
    assert opened == ["a.md", "a.md"]


def test_a_file_that_was_written_since_is_read_again(tmp_path: Path, opened: list[str]) -> None:
    path = tmp_path / "a.md"
    path.write_text(TEXT, "utf-8")
    read(tmp_path, ahead=True)
    path.write_text(TEXT.replace("초록", "노랑"), "utf-8")
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    (found,) = read(tmp_path)
    assert isinstance(found, Found)
    assert "노랑" in found.post.text
    assert opened == ["a.md", "a.md"]


def test_the_same_file_named_alone_is_not_taken_for_its_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.md").write_text(TEXT, "utf-8")
    read(tmp_path, ahead=True)
    (alone,) = read(tmp_path / "in" / "a.md")
    assert alone.source == "a.md"


def test_what_was_read_longest_ago_makes_room(tmp_path: Path) -> None:
    kept: Ahead[str] = Ahead(len, most=10)
    stamps = []
    for name in "abc":
        (tmp_path / name).write_text(name, "utf-8")
        stamp = stamp_of(tmp_path / name)
        assert stamp
        stamps.append(stamp)
        kept.keep(stamp, name * 5)
        kept.keep(stamp, name * 4)
    assert [kept.take(one) for one in stamps] == [None, "bbbb", "cccc"]
    assert [kept.take(one) for one in stamps] == [None, None, None]
    kept.keep(stamps[0], "a" * 11)
    assert kept.take(stamps[0]) is None
    assert stamp_of(tmp_path / "none") is None
