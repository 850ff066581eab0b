"""A small product that works in parts, for tests of long work: each part is told by the one before.

A part writes an episode whose text names the fingerprint of the episode before it. So the last one
proves all: a part that was left out, done out of order or done again in another way breaks the
chain, and the run fails.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import Field

from fabula.documents import Document, Strict
from fabula.errors import GateFailed, Rejected
from fabula.gateway.agent import Agent
from fabula.gateway.forecast import ExpectedCall
from fabula.nodes import Replacements
from fabula.nodes.services import Services, Update
from fabula.products import Product
from fabula.store.ports import Artifact
from fabula.testing.echo import PROMPTS

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

PARTS = 300
CHECKED = 3
"""Every third part asks a second time."""


class SagaBrief(Document):
    text: str = Field(min_length=1)
    parts: int = Field(default=PARTS, ge=1, le=10_000)


class SagaFlags(Strict):
    """No mode switches."""


class SagaAnswer(Strict):
    text: str


class SagaEpisode(Document):
    number: int
    before: str
    """The fingerprint of the episode before; empty for the first."""
    text: str


class SagaResult(Document):
    status: str
    parts: int
    last: str
    """The fingerprint of the last episode, and through it of all."""


class SagaState(TypedDict, total=False):
    brief: str
    part: int
    before: str
    draft: str
    more: bool
    result: str


WRITE = Agent("saga.write", str(PROMPTS / "saga_write"), SagaAnswer)
CHECK = Agent("saga.check", str(PROMPTS / "saga_check"), SagaAnswer)


def build(
    services: Services,
    flags: SagaFlags,  # noqa: ARG001 - every product's graph is built with its flags
    *,
    replace: Replacements = MappingProxyType({}),  # noqa: ARG001 - has no node worth replacing
) -> StateGraph[Any, Any, Any, Any]:
    """Build look → write → append, which one invocation goes through for one part."""
    from langgraph.graph import END, START, StateGraph

    async def look(state: SagaState) -> Update:
        episodes = await _episodes(services)
        # One more than were done before: this part was interrupted after it was appended.
        done = episodes[: state["part"] - 1]
        _check_numbers(episodes, state["part"])
        return {"before": done[-1].hash if done else ""}

    async def write(state: SagaState) -> Update:
        brief = await services.documents.get(SagaBrief, state["brief"])
        number = state["part"]
        told = {"number": number, "text": brief.text, "before": state["before"] or "-"}
        text = await _asked(services, WRITE, told, f"part/{number}")
        if number % CHECKED == 0:
            told = {"number": number, "text": brief.text, "draft": text}
            text = await _asked(services, CHECK, told, f"part/{number}/check")
        episode = SagaEpisode(number=number, before=state["before"], text=text)
        return {"draft": await services.documents.put(episode)}

    async def append(state: SagaState) -> Update:
        brief = await services.documents.get(SagaBrief, state["brief"])
        episode = await services.documents.get(SagaEpisode, state["draft"])
        number = state["part"]
        await services.artifacts.put(_name(number), _plain(episode), "application/json")
        if number < brief.parts:
            return {"more": True}
        episodes = await _episodes(services)
        await _check_chain(services, episodes, brief.parts)
        result = SagaResult(status="complete", parts=number, last=episodes[-1].hash)
        body = _plain(result)
        artifact = await services.artifacts.put("result.json", body, "application/json")
        files = [(one, await services.artifacts.read(one.hash)) for one in episodes]
        await services.publisher.publish([*files, (artifact, body)])
        return {"more": False, "result": await services.documents.put(result)}

    graph = StateGraph(SagaState)
    graph.add_node("look", look)
    graph.add_node("write", write)
    graph.add_node("append", append)
    for before, after in ((START, "look"), ("look", "write"), ("write", "append"), ("append", END)):
        graph.add_edge(before, after)
    return graph


async def forecast(brief: SagaBrief, flags: SagaFlags) -> list[ExpectedCall]:  # noqa: ARG001
    """Return the calls of every part."""
    calls = []
    for number in range(1, brief.parts + 1):
        calls.append(ExpectedCall(WRITE.name, f"part/{number}", 60, 60, output_tokens=10))
        if number % CHECKED == 0:
            calls.append(ExpectedCall(CHECK.name, f"part/{number}/check", 40, 40, output_tokens=10))
    return calls


def calls_of(parts: int) -> int:
    """Return how many calls a run of so many parts pays for."""
    return parts + parts // CHECKED


async def _asked(services: Services, agent: Agent[SagaAnswer], told: Any, item: str) -> str:
    made = await services.agents.call(agent, told, item=item)
    if isinstance(made, Rejected):
        raise made
    return made.text


async def _episodes(services: Services) -> Sequence[Artifact]:
    return [one for one in await services.artifacts.list() if one.name.startswith("episodes/")]


def _check_numbers(episodes: Sequence[Artifact], part: int) -> None:
    names = [one.name for one in episodes]
    wanted = [_name(number) for number in range(1, len(names) + 1)]
    if names != wanted or len(names) not in (part - 1, part):
        raise GateFailed("episodes", got=f"{len(names)}: {names[-3:]}", wanted=f"{part - 1}")


async def _check_chain(services: Services, episodes: Sequence[Artifact], parts: int) -> None:
    before = ""
    for number, one in enumerate(episodes, start=1):
        body = await services.artifacts.read(one.hash)
        episode = SagaEpisode.model_validate_json(body)
        if (episode.number, episode.before) != (number, before):
            got = f"{episode.number} after {episode.before[:8]}"
            raise GateFailed(f"episodes.{number}", got=got, wanted=f"{number} after {before[:8]}")
        before = hashlib.sha256(body).hexdigest()
    if len(episodes) != parts:
        raise GateFailed("episodes", got=str(len(episodes)), wanted=str(parts))


def _name(number: int) -> str:
    return f"episodes/{number:05}.json"


def _plain(document: Document) -> bytes:
    return json.dumps(document.model_dump(mode="json"), ensure_ascii=False, indent=2).encode()


SAGA = Product(
    name="saga",
    brief=SagaBrief,
    result=SagaResult,
    flags=SagaFlags,
    build=build,
    agents=(WRITE, CHECK),
    limits=lambda _: {},
    recipes=dict,
    fingerprint=lambda brief: brief.model_dump(mode="json"),
    in_parts=True,
    parts=lambda brief: brief.parts,
    forecast=forecast,
    publishes=("result.json",),
)
