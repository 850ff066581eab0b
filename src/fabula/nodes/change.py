"""A change to a finished run: what it asks for, what it starts from, what it may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from fabula.documents import Document
from fabula.gateway.agent import Agent
from fabula.gateway.forecast import ExpectedCall
from fabula.store.ports import Artifact, Documents

Q_contra = TypeVar("Q_contra", bound=BaseModel, contravariant=True)
Q = TypeVar("Q", bound=BaseModel)


@dataclass(frozen=True)
class Parent:
    """The finished run that a change starts from; its documents are only read."""

    brief: str
    result: Document
    documents: Documents
    artifacts: Sequence[Artifact]
    flags: Any


@dataclass(frozen=True)
class Start:
    """What a changed run starts from.

    `state` is the graph's input: plain JSON of ids. `documents` and `artifacts` (by name) are
    taken over from the parent; `calls` is all that can be paid for. `does` says what will happen,
    in English and Korean.
    """

    state: Mapping[str, Any]
    documents: tuple[str, ...]
    artifacts: tuple[str, ...]
    calls: tuple[ExpectedCall, ...]
    does: tuple[str, str]


class Begin(Protocol[Q_contra]):
    """Work out where a change starts; BadInput where the parent does not have what it names."""

    async def __call__(self, parent: Parent, request: Q_contra) -> Start: ...


class Build(Protocol):
    """Build the change's graph, not compiled; langgraph is loaded when it is called."""

    def __call__(self, services: Any, flags: Any, *, replace: Any = ...) -> Any: ...


@dataclass(frozen=True)
class Change(Generic[Q]):
    """A change that a product knows; its graph ends in the product's own result document."""

    name: str
    request: type[Q]
    begin: Begin[Q]
    build: Build
    agents: tuple[Agent[Any], ...]
    """The agents that its graph may ask."""
    recorded: Mapping[str, Mapping[str, type[Document]]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """As `Product.recorded`."""
