"""Every line that `docs/coverage` answers points at files and tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "coverage").glob("*.md"))
CODE = re.compile(r"`([^`]+)`")
BAR = re.compile(r"(?<!\\)\|")
HEAD = ("문서의 줄", "파일", "시험", "다른 점")


class Row(NamedTuple):
    line: str
    files: str
    tests: str
    why: str


def rows_of(text: str) -> list[Row]:
    cells = [
        [cell.strip() for cell in BAR.split(line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|") and not line.startswith("|-")
    ]
    return [Row(*row) for row in cells if tuple(row) != HEAD]


def broken(row: Row) -> list[str]:
    """Return what a row names that is not there, or that it names nothing at all."""
    files, tests = CODE.findall(row.files), CODE.findall(row.tests)
    faults = [name for name in files if not (ROOT / name).exists()]
    faults += [name for name in tests if not _is_test(name)]
    if not files:
        faults.append("no file")
    if not tests and not row.why:
        faults.append("neither a test nor a reason")
    return faults


def _is_test(name: str) -> bool:
    path, _, function = name.partition("::")
    if not path.startswith("tests/") or not (ROOT / path).is_file():
        return False
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    named = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    tests = {one for one in named if one.startswith("test_")}
    return function in tests if function else bool(tests)


def test_the_magazines_document_is_answered() -> None:
    assert "magazine-multistage" in {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_line_points_at_files_and_tests_that_are_there(page: Path) -> None:
    rows = rows_of(page.read_text("utf-8"))
    assert rows
    faults = {row.line: wrong for row in rows if (wrong := broken(row))}
    assert not faults


@pytest.mark.parametrize(
    ("files", "tests", "why"),
    [
        ("`src/fabula/nowhere.py`", "", "because"),
        ("`src/fabula/errors.py`", "`tests/docs/test_coverage.py::test_nothing_of_the_kind`", ""),
        ("`src/fabula/errors.py`", "`tests/docs/test_nowhere.py::test_x`", ""),
        ("`src/fabula/errors.py`", "`tests/docs/test_coverage.py::broken`", ""),
        ("`src/fabula/errors.py`", "", ""),
        ("", "", "because"),
    ],
)
def test_a_line_that_points_at_nothing_is_found(files: str, tests: str, why: str) -> None:
    assert broken(Row("a line", files, tests, why))


def test_a_sound_line_passes() -> None:
    own = "`tests/docs/test_coverage.py::test_a_sound_line_passes`"
    (row,) = rows_of(
        f"| 문서의 줄 | 파일 | 시험 | 다른 점 |\n|---|\n| a \\| b | `Makefile` | {own} | |"
    )
    assert row.line == "a \\| b"
    assert not broken(row)
