"""The compose file as Docker reads it: merged, and filled in from an environment file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
EXAMPLE = DEPLOY / ".env.example"
VARIABLE = re.compile(r"\$(?:(\$)|\{([A-Za-z_]\w*)(?:(:[-?])((?:[^{}]|\$\{\w+\})*))?\})")


class Missing(Exception):
    """A variable that has to be set is not."""


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """Fill in `${NAME}`, `${NAME:-else}`, `${NAME:-${OTHER}}`, `${NAME:?why}` and `$$`."""

    def value(found: re.Match[str]) -> str:
        dollar, name, how, rest = found.groups()
        if dollar:
            return "$"
        if given := environment.get(name):
            return given
        if how == ":?":
            raise Missing(f"{name}: {rest}")
        return interpolated(rest or "", environment)

    return VARIABLE.sub(value, text)


def _filled(node: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(one, environment) for key, one in node.items()}
    if isinstance(node, list):
        return [_filled(one, environment) for one in node]
    return interpolated(node, environment) if isinstance(node, str) else node


def raw_stack() -> Mapping[str, Any]:
    """Return the file with its merges, before anything is filled in."""
    stack: Mapping[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return stack


def stack_with(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the file as Docker would start it; a name without a value is passed on or left out."""
    stack: Mapping[str, Any] = _filled(raw_stack(), environment)
    for service in stack["services"].values():
        if named := service.get("environment"):
            service["environment"] = {
                name: environment[name] if value is None else str(value)
                for name, value in named.items()
                if value is not None or name in environment
            }
    return stack


def parse_env(text: str) -> dict[str, str]:
    """Read the lines `NAME=value` of an environment file."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def variables_of(text: str) -> set[str]:
    """Return each name that the compose file takes from its environment."""
    return {found[2] for found in VARIABLE.finditer(text) if found[2]}


def seconds(duration: str) -> float:
    """Read a duration as compose writes it, such as `1m30s`."""
    parts = re.findall(r"(\d+)(h|m|s)", duration)
    assert "".join(number + unit for number, unit in parts) == duration
    return sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)
