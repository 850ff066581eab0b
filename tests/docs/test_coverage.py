"""Every line that `docs/coverage` answers points at files and tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MULTISTAGE = ROOT / "docs" / "coverage" / "magazine-multistage.md"
LISTED = yaml.safe_load((Path(__file__).parent / "magazine-multistage.yaml").read_text("utf-8"))
PAGES = sorted((ROOT / "docs" / "coverage").glob("*.md"))
CODE = re.compile(r"`([^`]+)`")
BAR = re.compile(r"(?<!\\)\|")
HEADS = (("문서의 줄", "파일", "시험", "다른 점"), ("기능", "파일", "시험", "없거나 다른 점"))
FEATURES = "magazine-features"
NOT_BUILT = "만들지 않음:"
SEVEN = (
    *("classify_template", "plan_outline", "write_section", "validate_sections"),
    *("assemble_layout", "graph_mode", "graph_e2e"),
)
"""The tests that the magazine's document asks for by name."""


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
    return [Row(*row) for row in cells if tuple(row) not in HEADS]


def broken(row: Row) -> list[str]:
    """Return what a row names that is not there, or that it names nothing at all.

    A row that says that something was not built names no file and gives the reason.
    """
    if row.why.startswith(NOT_BUILT):
        faults = ["names what was not built"] if row.files or row.tests else []
        return faults if row.why.removeprefix(NOT_BUILT) else [*faults, "no reason"]
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


def page_of(name: str) -> list[Row]:
    return rows_of((ROOT / "docs" / "coverage" / f"{name}.md").read_text("utf-8"))


def sections_of(text: str) -> dict[str, list[str]]:
    """Return the rows' lines by the heading over them; headings without a row are left out."""
    parts = re.split(r"(?m)^## +(.+)$", text)[1:]
    found = {
        head.strip(): [row.line for row in rows_of(body)]
        for head, body in zip(parts[::2], parts[1::2], strict=True)
    }
    return {head: lines for head, lines in found.items() if lines}


def missing(text: str) -> list[str]:
    """Return the document's rows, as `magazine-multistage.yaml` lists them, that a page lacks."""
    there = sections_of(text)
    return [
        f"{head}: {one['row']}"
        for head, rows in LISTED["rows"].items()
        for one in rows
        if one["row"] not in there.get(head, [])
    ]


def test_each_line_of_the_magazines_document_is_asked_by_a_row_or_is_a_heading() -> None:
    asked = {n for rows in LISTED["rows"].values() for one in rows for n in one["lines"]}
    assert sorted(asked | set(LISTED["headings"])) == list(range(1, LISTED["lines"] + 1))
    assert not asked & set(LISTED["headings"])


def test_the_page_has_the_documents_rows_in_its_order_and_no_other() -> None:
    listed = {head: [one["row"] for one in rows] for head, rows in LISTED["rows"].items()}
    assert sections_of(MULTISTAGE.read_text("utf-8")) == listed


def test_a_row_taken_out_of_the_page_is_missed() -> None:
    lines = MULTISTAGE.read_text("utf-8").splitlines()
    rows = [n for n, line in enumerate(lines) if line.startswith("| ") and "`" in line]
    assert len(rows) >= sum(map(len, LISTED["rows"].values()))
    for n in rows:
        assert len(missing("\n".join([*lines[:n], *lines[n + 1 :]]))) == 1, lines[n]


def test_the_magazines_document_is_answered() -> None:
    tests = " ".join(row.tests for row in page_of("magazine-multistage"))
    assert [name for name in SEVEN if f"/test_{name}.py::test_" not in tests] == []


def test_the_seven_tests_of_the_document_are_there_by_name() -> None:
    unit, whole = ROOT / "tests/unit/graphs/magazine", ROOT / "tests/integration/magazine"
    *names, last = SEVEN
    for path in (*(unit / f"test_{name}.py" for name in names), whole / f"test_{last}.py"):
        assert _is_test(path.relative_to(ROOT).as_posix()), path


def test_each_of_the_35_features_has_a_row_in_order_and_a_test_or_a_reason() -> None:
    rows = page_of(FEATURES)
    assert [row.line.partition(".")[0] for row in rows] == [str(n) for n in range(1, 36)]
    built = [row for row in rows if not row.why.startswith(NOT_BUILT)]
    for row in built:
        named = CODE.findall(row.tests)
        assert named, row.line
        assert all("::" in name for name in named), row.line


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
        ("", "", NOT_BUILT),
        ("`src/fabula/errors.py`", "", f"{NOT_BUILT} too dear"),
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
    assert not broken(Row("a line", "", "", f"{NOT_BUILT} too dear"))
