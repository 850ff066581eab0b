"""In-memory twins of the ports, for tests of graphs: ours and those of people who use fabula."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from fabula.documents import Aliases, Document
from fabula.errors import Rejected, StoreError
from fabula.gateway.agent import Agent
from fabula.gateway.structured import BadAnswer, parse
from fabula.nodes.services import Services
from fabula.store.ports import Artifact

D = TypeVar("D", bound=Document)
T = TypeVar("T", bound=BaseModel)


@dataclass
class MemoryDocuments:
    """Keep documents as the JSON that a row would hold."""

    rows: dict[str, str] = field(default_factory=dict)

    async def put(self, document: Document) -> str:
        self.rows[document.id] = document.model_dump_json()
        return document.id

    async def get(self, kind: type[D], id: str) -> D:  # noqa: A002 - the port's word
        if id not in self.rows or not id.startswith(f"{kind.__name__}:"):
            raise StoreError(f"no {kind.__name__} `{id}` in this run")
        return kind.model_validate_json(self.rows[id])


@dataclass
class MemoryArtifacts:
    """Keep files by hash, and the run's names for them."""

    named: dict[str, Artifact] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)

    async def put(self, name: str, data: bytes, media_type: str) -> Artifact:
        digest = hashlib.sha256(data).hexdigest()
        self.data[digest] = data
        self.named[name] = Artifact(name, digest, media_type, len(data))
        return self.named[name]

    async def read(self, hash: str) -> bytes:  # noqa: A002 - the port's word
        if hash not in self.data:
            raise StoreError(f"no file with the hash `{hash}`")
        return self.data[hash]

    async def list(self) -> Sequence[Artifact]:
        return [self.named[name] for name in sorted(self.named)]


@dataclass
class MemoryPublisher:
    """Keep what was published last, by name."""

    files: dict[str, bytes] = field(default_factory=dict)

    async def publish(self, files: Sequence[tuple[Artifact, bytes]]) -> str:
        self.files = {artifact.name: data for artifact, data in files}
        return "memory:"


@dataclass(frozen=True)
class Asked:
    """One call as an agent was asked it."""

    agent: str
    item: str
    attempt: int
    variables: Mapping[str, object]
    aliases: Aliases
    bounds: Mapping[str, tuple[int, int]]
    temperature: float | None = None


Answer = Mapping[str, Any] | BaseModel | Rejected | Exception
Script = Sequence[Answer] | Callable[[Asked], Answer]


class ScriptedAgents:
    """Answer from a script: for each agent's name a function, or a list used up in order.

    An answer is the JSON that a model would write (references as aliases), checked like the
    gateway does: aliases resolved, bounds held; what fails comes back as Rejected. A model or a
    Rejected is handed on as it is; an exception is raised. `calls` keeps what was asked.
    """

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        self.calls: list[Asked] = []
        self._functions = {name: s for name, s in scripts.items() if callable(s)}
        self._lists: dict[str, Iterator[Answer]] = {
            name: iter(s) for name, s in scripts.items() if not callable(s)
        }

    def asked(self, agent: str) -> list[Asked]:
        """Return the calls of one agent, in the order in which they were asked."""
        return [call for call in self.calls if call.agent == agent]

    async def call(
        self,
        agent: Agent[T],
        variables: Mapping[str, object],
        *,
        item: str,
        attempt: int = 0,
        aliases: Aliases | None = None,
        bounds: Mapping[str, tuple[int, int]] | None = None,
        temperature: float | None = None,
    ) -> T | Rejected:
        asked = Asked(
            agent.name, item, attempt, variables, aliases or {}, bounds or {}, temperature
        )
        self.calls.append(asked)
        answer = self._answer(asked)
        if isinstance(answer, Exception) and not isinstance(answer, Rejected):
            raise answer
        if isinstance(answer, (Rejected, agent.output)):
            return answer
        try:
            return parse(
                json.dumps(answer),
                "stop",
                agent.output,
                aliases=asked.aliases,
                bounds=asked.bounds,
            )
        except BadAnswer as error:
            return Rejected(agent=agent.name, item=item, reason=error.ko, reason_en=error.en)

    def _answer(self, asked: Asked) -> Answer:
        if asked.agent in self._functions:
            return self._functions[asked.agent](asked)
        if asked.agent not in self._lists:
            raise LookupError(f"no script for the agent `{asked.agent}`")
        try:
            return next(self._lists[asked.agent])
        except StopIteration:
            raise LookupError(f"the script of `{asked.agent}` is used up") from None


def memory_services(
    scripts: Mapping[str, Script], *, offline: bool = False
) -> tuple[Services, ScriptedAgents, MemoryPublisher]:
    """Make services that keep everything in memory and answer from `scripts`."""
    agents, publisher = ScriptedAgents(scripts), MemoryPublisher()
    services = Services(
        agents=agents,
        documents=MemoryDocuments(),
        artifacts=MemoryArtifacts(),
        publisher=publisher,
        offline=offline,
    )
    return services, agents, publisher
