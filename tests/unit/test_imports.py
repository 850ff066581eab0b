"""Imports point one way, none is relative, and the environment is read in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "fabula"

LAYERS = (
    ("settings", "setting_values", "complaints", "errors"),
    ("documents",),
    ("briefs", "store", "korean"),
    ("gateway", "memory", "media", "safety"),
    ("nodes",),
    ("graphs",),
    ("products",),
    ("runs",),
    ("service", "client", "worker", "studio", "tools"),
    ("cli",),
)
"""A part imports parts of the layers above it in this list, and itself."""
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
BOTTOM_ORDER = {("settings", one) for one in ("setting_values", "complaints", "errors")}
"""Inside a layer only these point at a neighbour: settings raise errors, in Korean too."""
ANYTHING = "testing"
"""May import every part; no other part may import it."""

MODULES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def faults(source: str, part: str) -> list[str]:
    """Return what a module of that part does against the rules."""
    tree = ast.parse(source)
    return [*_wrong_imports(tree, part), *_environment(tree, part)]


def _wrong_imports(tree: ast.AST, part: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"line {node.lineno}: a relative import"
        for name in _imported(node):
            other = name.split(".")[1]
            if not _may_import(part, other):
                yield f"line {node.lineno}: {part} imports {other}"  # type: ignore[attr-defined]  # an import statement has a line


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names if name.name.startswith("fabula.")]
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        if node.module == "fabula":
            return [f"fabula.{name.name}" for name in node.names if name.name != "__version__"]
        return [node.module] if node.module.startswith("fabula.") else []
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
        name = called.id if isinstance(called, ast.Name) else called
        if name in ("import_module", "__import__"):
            given = str(node.args[0].value)
            return [given] if given.startswith("fabula.") else []
    return []


def _may_import(part: str, other: str) -> bool:
    if part in (other, ANYTHING) or (part, other) in BOTTOM_ORDER:
        return True
    return other in RANK and RANK[other] < RANK[part]


def _environment(tree: ast.AST, part: str) -> Iterator[str]:
    if part == "settings":
        return
    readers = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(tree):
        names = [node.attr] if isinstance(node, ast.Attribute) else []
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            names = [name.name for name in node.names]
        if readers & set(names):
            yield f"line {node.lineno}: reads the environment"  # type: ignore[attr-defined]  # an expression has a line


def part_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def test_every_part_has_its_place_in_the_layers() -> None:
    assert {part_of(path) for path in MODULES} <= {*RANK, ANYTHING}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_module_keeps_the_rules(path: Path) -> None:
    assert faults(path.read_text("utf-8"), part_of(path)) == []


@pytest.mark.parametrize(
    ("source", "part", "fault"),
    [
        ("from fabula.runs import run", "graphs", "line 1: graphs imports runs"),
        ("import fabula.gateway.agent", "store", "line 1: store imports gateway"),
        ("from fabula import products", "nodes", "line 1: nodes imports products"),
        ("from fabula.media.font import x", "gateway", "line 1: gateway imports media"),
        ("from fabula.testing import x", "cli", "line 1: cli imports testing"),
        ("def f():\n    from fabula.cli import main", "runs", "line 2: runs imports cli"),
        ("import_module('fabula.runs')", "nodes", "line 1: nodes imports runs"),
        ("importlib.import_module('fabula.cli')", "runs", "line 1: runs imports cli"),
        ("__import__('fabula.graphs.x')", "store", "line 1: store imports graphs"),
        ("from .agent import Agent", "gateway", "line 1: a relative import"),
        ("import os\nos.environ['X']", "cli", "line 2: reads the environment"),
        ("import os\nos.getenv('X')", "store", "line 2: reads the environment"),
        ("from os import environ", "errors", "line 1: reads the environment"),
    ],
)
def test_a_broken_rule_is_found(source: str, part: str, fault: str) -> None:
    assert faults(source, part) == [fault]


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("from fabula.errors import BadInput", "settings"),
        ("from fabula.store.ports import Documents", "nodes"),
        ("from fabula.runs import run", "testing"),
        ("import os\nos.environ['X']", "settings"),
        ("import os\nos.getpid()", "runs"),
    ],
)
def test_what_the_rules_allow_passes(source: str, part: str) -> None:
    assert faults(source, part) == []
