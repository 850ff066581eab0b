"""fabula: a short brief in, finished creative work out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fabula.runs import RunResult, resume, run

__version__ = "0.1.0"
__all__ = ["RunResult", "__version__", "resume", "run"]

_HOMES = {"run": "fabula.runs", "resume": "fabula.runs", "RunResult": "fabula.runs"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'fabula' has no attribute {name!r}")
