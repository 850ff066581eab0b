"""What a node is and what it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fabula.gateway.agent import Agents
from fabula.safety.fetch import Fetch, GuardedFetch
from fabula.store.ports import Artifact, Artifacts, Documents

Update = Mapping[str, Any]


class Node(Protocol):
    """A step: reads the state, returns only the keys that it changes."""

    async def __call__(self, state: Any) -> Update: ...


class Publisher(Protocol):
    """Where finished files go; the default is a folder."""

    async def publish(self, files: Sequence[tuple[Artifact, bytes]]) -> str:
        """Put the files in place, each whole or not at all; return where they are."""
        ...


@dataclass(frozen=True)
class Services:
    """The ports that a graph may use, bound to one run."""

    agents: Agents
    documents: Documents
    artifacts: Artifacts
    publisher: Publisher
    offline: bool
    """True where the offline model answers: results are marked."""
    fetch: Fetch = field(default_factory=GuardedFetch)
    """The way to the web; the default reaches public hosts only."""
    page_url: str | None = None
    """Where the published folder will stand on the web, a slash behind it; None: nobody said."""


class _Refusing:
    """A port that is there to be named and refuses to be used."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"these services are for drawing a graph: `{name}` is not to be called")


def refusing_services() -> Services:
    """Make services for drawings and checks: a graph is built with them, never run."""
    port: Any = _Refusing()
    return Services(
        agents=port, documents=port, artifacts=port, publisher=port, offline=True, fetch=port
    )
