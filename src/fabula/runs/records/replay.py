"""Run a graph again from what its run recorded: no network, no money, nothing written but files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from fabula.documents import Document
from fabula.errors import BadInput
from fabula.gateway.faults import no_hook
from fabula.gateway.gateway import Gateway, Scope
from fabula.gateway.payment import Payments, Transport
from fabula.gateway.provider import ChatRequest, OnToken
from fabula.korean.particles import attach
from fabula.nodes import Node, RememberedDocuments, Replacements, Services, Update
from fabula.nodes.services import refusing_services
from fabula.products import Product
from fabula.runs.changed import fingerprint_of
from fabula.runs.execution import RECURSION_LIMIT
from fabula.runs.records.recorded import (
    NOBODY,
    RecordedAnswers,
    RecordedArtifacts,
    RecordedDocuments,
    RecordedModels,
)
from fabula.runs.records.recording import Recording, page_url_of
from fabula.store.documents import FolderPublisher
from fabula.store.ports import Artifact


@dataclass(frozen=True)
class ReplayedFile:
    """A file as the replay made it, and the hash that the run recorded under its name."""

    name: str
    size: int
    hash: str
    recorded: str | None

    @property
    def same(self) -> bool:
        return self.hash == self.recorded


@dataclass(frozen=True)
class Replayed:
    """What a replay made: the typed result, its files, and how many recorded answers it used."""

    run_id: str
    product: str
    document: Document
    files: tuple[ReplayedFile, ...]
    answers_used: int
    answers_recorded: int
    out: str | None
    stored: tuple[str, ...] = ()
    """Files of the run that its graph does not make again: nothing was compared."""

    @property
    def same(self) -> bool:
        """Whether every file that was made again has the bytes that the run published."""
        return all(one.same for one in self.files)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON: what `--json` prints."""
        return {
            "run_id": self.run_id,
            "product": self.product,
            "same": self.same,
            "cost": 0.0,
            "answers_used": self.answers_used,
            "answers_recorded": self.answers_recorded,
            "out": self.out,
            "stored": list(self.stored),
            "files": [
                {"name": one.name, "size": one.size, "hash": one.hash, "same": one.same}
                for one in self.files
            ],
        }


async def replay(
    recording: Recording,
    made: Product,
    *,
    out: Path | None = None,
    replace: Replacements | None = None,
) -> Replayed:
    """Run the recorded run's graph from its ledger; publish into `out` where one is given.

    Nodes that read files or the web are given what they recorded. Raises ReplayMiss where the
    graph asks what the run never paid for, and whatever the run itself ended with.
    """
    run = recording.run
    change = run.change["name"] if run.change else None
    flags = made.flags.model_validate(run.flags)
    seeds = _seeds(recording, made.change(change).recorded if change else made.recorded)
    replace = dict(replace or {})
    _check_replaced(recording, replace, seeds)
    documents, artifacts = RecordedDocuments(recording), RecordedArtifacts(recording)
    answers = RecordedAnswers(recording)
    brief = await documents.get(made.brief, run.brief)
    gateway = Gateway(
        Scope(
            run=run.id,
            fingerprint=fingerprint_of(made, brief, run.change),
            limits=made.limits(flags),
            fallbacks=(*answers.models, f"{NOBODY}:none"),
        ),
        ledger=answers,
        models=RecordedModels(recording),
        provider_of=lambda _: _Nobody(),
        payments=Payments(
            answers,
            transport=Transport(1, 0.0),
            allowance=made.allowance,
            hook=no_hook,
            on_answer=lambda _: None,
        ),
        on_switch=lambda *_: None,
    )
    publisher = _Publisher(out)
    fallbacks = getattr(flags, "fallback_models", ())
    services = Services(
        agents=gateway,
        documents=RememberedDocuments(documents),
        artifacts=artifacts,
        publisher=publisher,
        offline=any(
            name.startswith("offline:") for name in (*recording.models().values(), *fallbacks)
        ),
        fetch=refusing_services().fetch,
        page_url=page_url_of(recording.events),
    )
    graph = made.graph(services, flags, {**replace, **seeds}, change)
    start = dict(run.change["state"]) if run.change else {"brief": run.brief}
    try:
        state = await _driven(graph, start, recording)
    finally:
        await gateway.settle()
    recorded = {one.name: one.hash for one in recording.artifacts}
    return Replayed(
        run_id=run.id,
        product=run.product,
        document=await documents.get(made.result, state["result"]),
        files=tuple(
            ReplayedFile(one.name, one.size, one.hash, recorded.get(one.name))
            for one in publisher.published
        ),
        answers_used=len(answers.used),
        answers_recorded=sum(call.state == "answered" for call in recording.calls),
        out=str(out) if out else None,
        stored=tuple(sorted(set(recorded) - {one.name for one in publisher.published})),
    )


async def _driven(graph: Any, start: Mapping[str, Any], recording: Recording) -> Mapping[str, Any]:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.types import Command

    compiled = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "replay"}, "recursion_limit": RECURSION_LIMIT}
    waiting = recording.answers()
    given: Any = dict(start)
    while True:
        await compiled.ainvoke(given, config)
        state = await compiled.aget_state(config)
        if not state.interrupts:
            values: Mapping[str, Any] = state.values
            return values
        asked = {str(one.value.get("name", "")): one.id for one in state.interrupts}
        found = next((pair for pair in waiting if pair[0] in asked), None)
        if found is None:
            listed = ", ".join(asked)
            raise BadInput(
                "run",
                f"`{recording.run.id}` still waited for a decision ({listed}): nothing to replay "
                "after it",
                f"{attach(f'`{recording.run.id}`', '는')} "
                f"아직 결정을 기다리던 실행입니다({listed})",
            )
        waiting.remove(found)
        given = Command(resume={asked[found[0]]: found[1]})


def _seeds(
    recording: Recording, recorded: Mapping[str, Mapping[str, type[Document]]]
) -> dict[str, Node]:
    return {node: _seed(recording, node, kinds) for node, kinds in recorded.items()}


def _seed(recording: Recording, node: str, kinds: Mapping[str, type[Document]]) -> Node:
    update = {key: _last(recording, kind, node) for key, kind in kinds.items()}

    async def recorded(state: Any) -> Update:  # noqa: ARG001 - a node's signature
        return update

    return recorded


def _last(recording: Recording, kind: type[Document], node: str) -> str:
    found = [id_ for id_ in recording.documents if id_.startswith(f"{kind.__name__}:")]
    result = recording.documents.get(recording.run.result or "", {})
    named = [id_ for id_ in found if id_ in result.values()]
    if not found:
        raise BadInput(
            "run",
            f"`{recording.run.id}` ended before {node} was done: there is nothing to replay",
            f"{attach(f'`{recording.run.id}`', '는')} {attach(node, '를')} "
            "마치기 전에 끝났습니다. 다시 돌릴 것이 없습니다",
        )
    return (named or found)[-1]


def _check_replaced(
    recording: Recording, replace: Replacements, seeds: Mapping[str, object]
) -> None:
    wanted = sorted(set(recording.run.replaced) - set(seeds))
    if sorted(set(replace) - set(seeds)) != wanted:
        listed = ", ".join(wanted) or "none"
        raise BadInput(
            "replace",
            f"the run was started with other replaced nodes (its own: {listed}): bring the same",
            f"이 실행은 노드를 바꿔 시작했습니다({listed}). 같은 노드를 넘겨 주세요",
        )


class _Nobody:
    """The provider of every recorded model; the ledger refuses each claim before it is asked."""

    async def complete(self, request: ChatRequest, on_token: OnToken | None = None) -> NoReturn:
        raise AssertionError(f"a replay asks nobody: {request.agent}, {request.item}, {on_token}")


class _Publisher:
    """Keep what was published; write it only where a folder was named."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = FolderPublisher(folder) if folder else None
        self.published: list[Artifact] = []

    async def publish(self, files: Sequence[tuple[Artifact, bytes]]) -> str:
        self.published += [artifact for artifact, _ in files]
        return await self._folder.publish(files) if self._folder else ""
