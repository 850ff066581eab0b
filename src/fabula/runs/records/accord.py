"""Whether the parts of an archive agree with one another: what one hash for each cannot tell."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from fabula.errors import BadInput
from fabula.products import Product
from fabula.runs.records.contents import (
    BRIEF,
    CALLS,
    EVENTS,
    REPORT,
    RUN,
    Manifest,
    artifact_path,
    document_path,
    kinds_of,
)
from fabula.runs.records.recording import Recording
from fabula.store.tables import NANO

_ID = re.compile(r"([A-Za-z]+):[0-9a-f]{32}")
_SAID = ("run_id", "product", "outcome", "profile")
Fault = tuple[str, str]


def faults(recording: Recording, manifest: Manifest, made: Product) -> Iterator[Fault]:
    """Tell what does not agree, in English and Korean, the first thing first."""
    yield from _listed(recording, manifest)
    yield from _twice(recording)
    yield from _named(recording, made)
    yield from _flags(recording, made)
    yield from _sums(recording)


def _listed(recording: Recording, manifest: Manifest) -> Iterator[Fault]:
    brief = recording.run.brief
    places = {
        one.id: BRIEF if one.id == brief else document_path(one.id) for one in manifest.documents
    }
    for one in manifest.documents:
        if one.path != places[one.id]:
            yield f"`{one.id}` stands at `{one.path}`", f"`{one.id}`의 자리가 틀렸습니다"
    artifacts = [artifact_path(one.name) for one in manifest.artifacts]
    sizes = {artifact_path(one.name): one.size for one in manifest.artifacts}
    known = [RUN, EVENTS, CALLS, *places.values(), *artifacts]
    if strange := sorted(set(manifest.files) ^ set(known)):
        yield (
            f"`{strange[0]}` is listed as a file or as a part of the run, and not as both",
            f"`{strange[0]}` 파일이 목록과 기록 가운데 한쪽에만 있습니다",
        )
    for path, entry in manifest.files.items():
        if sizes.get(path, entry.size) != entry.size:
            yield f"`{path}` has two sizes", f"`{path}`의 크기가 두 가지입니다"
    yield from _doubled("document", (one.id for one in manifest.documents))
    yield from _doubled("file", artifacts)


def _twice(recording: Recording) -> Iterator[Fault]:
    yield from _doubled("ledger row", (one.id for one in recording.calls))
    answered = (one.key for one in recording.calls if one.state == "answered")
    yield from _doubled("answer in the ledger", answered)
    yield from _doubled("event", (str(one.seq) for one in recording.events))


def _doubled(what: str, names: Iterable[str]) -> Iterator[Fault]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"the {what} `{name}` stands there twice", f"같은 것이 두 번 있습니다: `{name}`"


def _named(recording: Recording, made: Product) -> Iterator[Fault]:
    """Every document that the run, a document or an artifact's row names is there."""
    kinds, run = kinds_of(made), recording.run
    named: list[Any] = [run.brief, run.result, run.change, *recording.documents.values()]
    for id_ in (one for value in named for one in _ids(value)):
        if id_.partition(":")[0] in kinds and id_ not in recording.documents:
            yield f"the document `{id_}` is missing", f"문서가 없습니다: `{id_}`"


def _ids(value: object) -> Iterator[str]:
    if isinstance(value, str) and _ID.fullmatch(value):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _ids(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _ids(one)


def _flags(recording: Recording, made: Product) -> Iterator[Fault]:
    run = recording.run
    try:
        made.flags.model_validate(run.flags)
        if run.change is not None:
            made.change(run.change["name"])
            dict(run.change["state"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(("flags", *(str(part) for part in first["loc"])))
        yield f"`{RUN}`: {where}: {first['msg']}", f"`{RUN}`의 `{where}`이(가) 틀렸습니다"
    except (BadInput, KeyError, TypeError, ValueError):
        yield f"`{RUN}`: change: is none of the product's", f"`{RUN}`의 change가 틀렸습니다"


def _sums(recording: Recording) -> Iterator[Fault]:
    """Hold the ledger against what the run's own report says of it, agent by agent."""
    report = next((one for one in recording.artifacts if one.name == REPORT), None)
    if report is None or recording.run.status != "succeeded":
        # A run that went on after its report, and ended otherwise, wrote no other.
        return
    try:
        whole = json.loads(recording.data[report.hash])
        told, said = whole["cost"], tuple(whole[name] for name in _SAID)
        agents = {
            one["agent"]: (one["calls"], round(one["cost"] * NANO), tuple(one["models"]))
            for one in told["agents"]
            if one["calls"]
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        yield f"`{artifact_path(REPORT)}` is no report of a run", "실행 보고가 아닙니다"
        return
    run = recording.run
    if said != (run.id, run.product, run.outcome, run.profile):
        yield (
            f"`{RUN}` and `{artifact_path(REPORT)}` tell of two runs",
            f"`{RUN}`과 `{artifact_path(REPORT)}`이 서로 다른 실행을 말합니다",
        )
    paid: dict[str, tuple[int, int, tuple[str, ...]]] = {}
    for call in recording.calls:
        if call.state == "answered":
            calls, cost, models = paid.get(call.agent, (0, 0, ()))
            name = f"{call.provider}:{call.model}"
            more = tuple(sorted({*models, name}))
            paid[call.agent] = (calls + 1, cost + (call.cost or 0), more)
    for agent in sorted(set(agents) | set(paid)):
        if agents.get(agent) != paid.get(agent):
            yield (
                f"`{CALLS}` and `{artifact_path(REPORT)}` differ in what {agent} was paid for",
                f"{agent}에 치른 값이 `{CALLS}`와 `{artifact_path(REPORT)}`에서 다릅니다",
            )


__all__ = ["faults"]
