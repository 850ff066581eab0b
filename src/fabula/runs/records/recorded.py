"""The ports of a replay: what a run recorded stands in for ledger, models and store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic import ValidationError

from fabula.documents import Document
from fabula.errors import GateFailed, ProviderDown, ReplayMiss, StoreError
from fabula.gateway.models import Model, Models
from fabula.gateway.prices import Price
from fabula.runs.records.recording import CallRecord, Recording
from fabula.store.documents import check_name
from fabula.store.ledger import AllowanceSpent, Answered, Ledger, Question
from fabula.store.ports import Artifact, D

NOBODY = "recorded"
"""The provider that stands behind every recorded model: it has no answer to anything."""


class RecordedAnswers(Ledger):
    """The ledger of a replay: it answers what was paid for and refuses every claim."""

    def __init__(self, recording: Recording) -> None:
        answered = [call for call in recording.calls if call.state == "answered"]
        self._run = recording.run
        self._by_key = {call.key: _answered(call) for call in answered}
        self._paid = [call.item for call in answered]
        self.models = tuple(
            dict.fromkeys(f"{call.provider}:{call.model}" for call in reversed(answered))
        )
        self.used: set[str] = set()

    async def find(self, key: str) -> Answered | None:
        if key in self._by_key:
            self.used.add(key)
        return self._by_key.get(key)

    async def claim(self, question: Question, *, allowance: int) -> NoReturn:
        if question.provider != NOBODY:
            # Another model may have answered in its place: the gateway turns to the next one.
            raise ProviderDown(f"{question.provider}:{question.model} has no recorded answer")
        paid = self._paid.count(question.item)
        allowed = allowance * (1 + self._run.grants.get(question.item, 0))
        if paid >= allowed:
            raise AllowanceSpent(question.item, paid, allowed)
        raise ReplayMiss(
            run=self._run.id,
            agent=question.agent,
            item=question.item,
            attempt=question.attempt,
        )


def _answered(call: CallRecord) -> Answered:
    fields = {name: getattr(call, name) for name in Answered.__dataclass_fields__}
    return Answered(**fields)


class RecordedModels(Models):
    """The models that the run was answered by; no key, price or map of this machine counts."""

    def __init__(self, recording: Recording) -> None:
        self._recorded = recording.models()
        self.profile = recording.run.profile

    def pinned(self, agent: str) -> Model:
        return self.named(self._recorded.get(agent, f"{NOBODY}:none"), agent=agent)

    def named(self, model: str, *, agent: str, pin: Any = None) -> Model:  # noqa: ARG002
        provider, _, name = model.partition(":")
        return Model(provider, name, Price(input=0, output=0), None, 1, 1.0)


class RecordedDocuments:
    """The `Documents` of a replay, in memory."""

    def __init__(self, recording: Recording) -> None:
        self._bodies = dict(recording.documents)
        self._run = recording.run.id

    async def put(self, document: Document) -> str:
        self._bodies[document.id] = document.model_dump(mode="json")
        return document.id

    async def get(self, kind: type[D], id: str) -> D:  # noqa: A002 - the port's word
        if id not in self._bodies or not id.startswith(f"{kind.__name__}:"):
            raise StoreError(f"run {self._run} has no {kind.__name__} `{id}`")
        try:
            return kind.model_validate(self._bodies[id])
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in first["loc"])
            raise GateFailed(
                f"{id}: {path}", got=repr(first["input"])[:80], wanted=first["msg"]
            ) from None


class RecordedArtifacts:
    """The `Artifacts` of a replay, in memory."""

    def __init__(self, recording: Recording) -> None:
        self._named = {one.name: one for one in recording.artifacts}
        self._data = dict(recording.data)

    async def put(self, name: str, data: bytes, media_type: str) -> Artifact:
        check_name(name)
        digest = hashlib.sha256(data).hexdigest()
        self._data[digest] = data
        self._named[name] = Artifact(name, digest, media_type, len(data))
        return self._named[name]

    async def read(self, hash: str) -> bytes:  # noqa: A002 - the port's word
        if hash not in self._data:
            raise StoreError(f"the bytes of artifact {hash[:12]} are missing")
        return self._data[hash]

    async def list(self) -> Sequence[Artifact]:
        return [self._named[name] for name in sorted(self._named)]
