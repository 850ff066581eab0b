"""Ask the steps themselves what they would ask: their prompts, with nothing sent or stored."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from fabula.documents import Aliases, Document
from fabula.errors import StoreError
from fabula.gateway import prompts
from fabula.gateway.agent import Agent, T
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.structured import Bounds, narrow
from fabula.nodes.services import Services, refusing_services

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Prompt:
    """What a step would have asked; `tokens` are estimated from above, its schema included."""

    agent: str
    item: str
    tokens: int


class Rehearsal:
    """Services for steps that only show their prompts.

    Documents are kept as they are; every other port refuses to be used.
    """

    def __init__(self) -> None:
        self.documents = _Kept()
        port: Any = refusing_services().artifacts
        self.services = Services(
            agents=_Overhearing(),
            documents=self.documents,
            artifacts=port,
            publisher=port,
            offline=True,
            fetch=port,
        )

    async def prompt(self, step: Awaitable[Any]) -> Prompt:
        """Run a step up to its question; LookupError where it ends without asking."""
        try:
            await step
        except _AskedError as asked:
            return asked.prompt
        raise LookupError("the step asked nothing")


class _AskedError(Exception):
    """Carries the question out of the step."""

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(prompt.item)
        self.prompt = prompt


@dataclass
class _Kept:
    """Documents as objects: a prompt is shown many times over the same sources."""

    by_id: dict[str, Document] = field(default_factory=dict)

    async def put(self, document: Document) -> str:
        id_ = f"{type(document).__name__}:{len(self.by_id)}"
        self.by_id[id_] = document
        return id_

    async def get(self, kind: type[D], id: str) -> D:  # noqa: A002 - the port's word
        if not isinstance(found := self.by_id.get(id), kind):
            raise StoreError(f"no {kind.__name__} `{id}` in this rehearsal")
        return found


class _Overhearing:
    """Agents that are asked and never answer."""

    async def call(
        self,
        agent: Agent[T],
        variables: Mapping[str, object],
        *,
        item: str,
        attempt: int = 0,  # noqa: ARG002 - the port's signature
        aliases: Aliases | None = None,
        bounds: Bounds | None = None,
        temperature: float | None = None,  # noqa: ARG002
    ) -> NoReturn:
        schema = narrow(agent.output, aliases or {}, bounds or {})
        tokens = estimate_tokens(prompts.render(agent.prompt, variables), schema)
        raise _AskedError(Prompt(agent.name, item, tokens))
