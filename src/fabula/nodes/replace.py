"""Let a reader put a node of their own in the place of one of the graph's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from fabula.errors import BadInput
from fabula.korean.particles import attach
from fabula.nodes.services import Services

C = TypeVar("C", bound=Callable[..., Any])
Replacements = Mapping[str, Callable[..., Any]]
"""For a node's name the reader's own: `async (state) -> update`, for a fan-out's verb its `make`,
for a fan-out's validator its `judge`. One with a parameter `services` is given the run's."""


class Steps:
    """Choose between the graph's own step and the reader's, by name."""

    def __init__(self, names: Sequence[str], services: Services, replace: Replacements) -> None:
        """Refuse a replacement for a step that is not among `names`."""
        unknown = [name for name in replace if name not in names]
        if unknown:
            listed = ", ".join(names)
            raise BadInput(
                "replace",
                f"`{unknown[0]}` is not a node of this graph; its nodes: {listed}",
                f"{attach(f'`{unknown[0]}`', '는')} 이 그래프의 노드가 아닙니다. 노드: {listed}",
            )
        given: Mapping[str, object] = replace
        for name, theirs in given.items():
            if not callable(theirs):
                got = type(theirs).__name__
                raise BadInput(f"replace.{name}", f"is {got}, wanted an async function")
        self._services = services
        self._replace = replace

    def step(self, name: str, own: C) -> C:
        """Return the reader's step of that name, or `own`."""
        if name not in self._replace:
            return own
        theirs: Any = self._replace[name]
        if "services" in inspect.signature(theirs).parameters:
            theirs = partial(theirs, services=self._services)
        chosen: C = theirs
        return chosen
