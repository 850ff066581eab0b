"""What a service can be asked, each as a flow: addresses, bodies, answers, and what is safe."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from fabula.client.answers import (
    Artifact,
    ArtifactList,
    ChangePlan,
    CostReport,
    Estimate,
    FilePage,
    ProductInfo,
    ProductList,
    Run,
    RunPage,
    RunSummary,
    Status,
    UploadedFile,
)
from fabula.client.exchange import Ask, Flow, Pause, Retry, Work, exchange
from fabula.client.material import Brief, Placing, Sending, placing
from fabula.errors import BadInput, ServiceError

A = TypeVar("A", bound=BaseModel)
WAIT_S = 55.0
"""How long one question about a run that goes on is held; the service holds none above 60 s."""
SPARE_S = 20.0
BREATH_S = 0.1
"""Between two such questions, where a service that is going to end answers at once."""
PAGE = 100
Fields = Mapping[str, Any] | BaseModel


class Operations:
    """The flows of one service; `retry` says how long each is tried."""

    def __init__(self, retry: Retry) -> None:
        self.retry = retry

    def products(self) -> Flow[tuple[str, ...]]:
        """Return the names of the products."""
        found = yield from self._get("/v1/products", ProductList)
        return tuple(one.name for one in found.products)

    def product(self, name: str) -> Flow[ProductInfo]:
        """Say what a product takes and gives."""
        return (yield from self._get(f"/v1/products/{_part('product', name)}", ProductInfo))

    def submit(
        self,
        product: str,
        brief: Fields,
        *,
        flags: Fields | None = None,
        profile: str | None = None,
        project: str | None = None,
        budget: float | None = None,
        thread: str | None = None,
        timeout_s: float | None = None,
        queue: str | None = None,
        after_seconds: float | None = None,
        webhook: str | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[Run]:
        """Ask for a run; it is executed when its turn comes. `budget` is in USD.

        The same `idempotency_key` makes one run, however often it is sent; one is made up where
        none is given, so that a try whose answer got lost never makes a second run.
        """
        body = _said(
            product=product,
            brief=_plain(brief),
            flags=None if flags is None else _plain(flags),
            profile=profile,
            project=project,
            budget=budget,
            thread=thread,
            timeout_s=timeout_s,
            queue=queue,
            after_seconds=after_seconds,
            webhook=webhook,
        )
        return (yield from self._once("/v1/runs", body, Run, key=idempotency_key))

    def get(self, run: str, *, wait_s: float = 0) -> Flow[Run]:
        """Say how a run stands; with `wait_s` once it rests, or so many seconds (≤ 60) later."""
        params = {"wait": wait_s} if wait_s else {}
        return (yield from self._get(run_path(run), Run, params=params, longer_s=wait_s))

    def wait(self, run: str, *, timeout_s: float | None = None) -> Flow[Run]:
        """Wait until a run has ended or waits for a person, at most `timeout_s`; return it."""
        left = timeout_s
        while True:
            hold_s = WAIT_S if left is None else min(WAIT_S, max(left, 0))
            found = yield from self.get(run, wait_s=hold_s)
            left = None if left is None else left - hold_s
            if found.rests or (left is not None and left <= 0):
                return found
            yield Pause(BREATH_S)

    def page_of_runs(
        self,
        *,
        project: str | None = None,
        product: str | None = None,
        status: Sequence[Status] = (),
        thread: str | None = None,
        cursor: str | None = None,
    ) -> Flow[RunPage]:
        """List runs, newest first."""
        params = _said(
            project=project,
            product=product,
            status=list(status) or None,
            thread=thread,
            cursor=cursor,
            limit=PAGE,
        )
        return (yield from self._get("/v1/runs", RunPage, params=params))

    def cancel(self, run: str) -> Flow[RunSummary]:
        """Ask a run to stop; what it made is kept, and it can be resumed."""
        # Asked twice it is the same wish.
        ask = Ask("POST", f"{run_path(run)}/cancel", again=True)
        return (yield from self._typed(ask, RunSummary))

    def resume(self, run: str, *, budget: float | None = None) -> Flow[RunSummary]:
        """Go on with a run from where it stands; `budget` (USD) replaces its own."""
        ask = Ask("POST", f"{run_path(run)}/resume", json=_said(budget=budget))
        return (yield from self._typed(ask, RunSummary))

    def decide(self, run: str, answer: Fields, *, ask: str | None = None) -> Flow[RunSummary]:
        """Answer what a waiting run asks; `ask` names the question where there are several."""
        body = _said(ask=ask, answer=_plain(answer))
        return (
            yield from self._typed(Ask("POST", f"{run_path(run)}/decide", json=body), RunSummary)
        )

    def change(
        self,
        run: str,
        change: str,
        request: Fields,
        *,
        flags: Mapping[str, Any] | None = None,
        profile: str | None = None,
        budget: float | None = None,
        timeout_s: float | None = None,
        queue: str | None = None,
        webhook: str | None = None,
        idempotency_key: str | None = None,
    ) -> Flow[RunSummary]:
        """Ask for a changed run, which starts from a finished one's documents."""
        body = _said(
            request=_plain(request),
            flags=flags,
            profile=profile,
            budget=budget,
            timeout_s=timeout_s,
            queue=queue,
            webhook=webhook,
        )
        return (
            yield from self._once(_change_path(run, change), body, RunSummary, key=idempotency_key)
        )

    def plan_change(
        self,
        run: str,
        change: str,
        request: Fields,
        *,
        flags: Mapping[str, Any] | None = None,
        profile: str | None = None,
    ) -> Flow[ChangePlan]:
        """Say what a change would do and cost at most; nothing is written."""
        body = _said(request=_plain(request), flags=flags, profile=profile)
        path = _change_path(run, change)
        ask = Ask("POST", path, params={"dry_run": "true"}, json=body, again=True)
        return (yield from self._typed(ask, ChangePlan))

    def artifacts(self, run: str) -> Flow[tuple[Artifact, ...]]:
        """List the files that a run has made so far."""
        found = yield from self._get(f"{run_path(run)}/artifacts", ArtifactList)
        return found.artifacts

    def artifact(self, run: str, file: str | Artifact) -> Flow[Artifact]:
        """Return a file of a run by its name; BadInput lists the names."""
        if isinstance(file, Artifact):
            return file
        found = yield from self.artifacts(run)
        for one in found:
            if one.name == file:
                return one
        listed = ", ".join(one.name for one in found) or "none yet"
        raise BadInput(
            "file",
            f"the run has no file `{file[:80]}`; its files: {listed}",
            f"`{file[:80]}` 파일이 없습니다. 있는 파일: {listed}",
        )

    def cost(self, run: str) -> Flow[CostReport]:
        """Say what a run has cost, by agent."""
        return (yield from self._get(f"{run_path(run)}/cost", CostReport))

    def estimate(
        self,
        product: str,
        brief: Fields,
        *,
        flags: Fields | None = None,
        profile: str | None = None,
    ) -> Flow[Estimate]:
        """Say what a run would use and cost, and at most; nothing is asked or paid."""
        body = _said(
            product=product,
            brief=_plain(brief),
            flags=None if flags is None else _plain(flags),
            profile=profile,
        )
        return (
            yield from self._typed(Ask("POST", "/v1/estimate", json=body, again=True), Estimate)
        )

    def upload(self, file: str | Path, *, name: str | None = None) -> Flow[UploadedFile]:
        """Upload a file, a zip for a folder; briefs name it by its `reference`.

        The same bytes under the same name are one file.
        """
        path = Path(file)
        if not path.is_file():
            raise BadInput("file", f"`{path.name}` is no file", f"`{path.name}` 파일이 없습니다")
        ask = Ask("POST", "/v1/files", file=(name or path.name, path), again=True)
        return (yield from self._typed(ask, UploadedFile))

    def place(self, product: str, brief: Brief) -> Flow[dict[str, Any]]:
        """Upload what a brief's paths name; return the brief as the service takes it.

        `brief` is the product's brief, its fields, or the path of a YAML or JSON file.
        """
        plan: Placing = yield Work(partial(placing, product, brief))
        references: dict[str, str] = {}
        for one in plan.sending:
            with TemporaryDirectory(prefix="fabula-") as folder:
                file: Path = yield Work(partial(Sending.ready, one, Path(folder)))
                uploaded = yield from self.upload(file)
            references[one.path] = one.reference(uploaded.reference)
        return plan.brief_with(references)

    def page_of_files(self, *, cursor: str | None = None) -> Flow[FilePage]:
        """List the uploaded files, newest first."""
        params = _said(cursor=cursor, limit=PAGE)
        return (yield from self._get("/v1/files", FilePage, params=params))

    def delete_file(self, file_id: str) -> Flow[None]:
        """Delete an uploaded file that no active run names."""
        path = f"/v1/files/{_part('file', file_id)}"
        yield from exchange(Ask("DELETE", path), self.retry)

    def _get(
        self,
        path: str,
        kind: type[A],
        *,
        params: Mapping[str, Any] | None = None,
        longer_s: float = 0,
    ) -> Flow[A]:
        read_s = longer_s + SPARE_S if longer_s else None
        ask = Ask("GET", path, params=params or {}, again=True, read_s=read_s)
        return (yield from self._typed(ask, kind))

    def _once(
        self, path: str, body: Mapping[str, Any], kind: type[A], *, key: str | None
    ) -> Flow[A]:
        headers = {"Idempotency-Key": key or f"client-{secrets.token_hex(16)}"}
        ask = Ask("POST", path, json=body, headers=headers, again=True)
        return (yield from self._typed(ask, kind))

    def _typed(self, ask: Ask, kind: type[A]) -> Flow[A]:
        response = yield from exchange(ask, self.retry)
        return _read(response, kind)


def run_path(run: str) -> str:
    """Return a run's address below the service's."""
    return f"/v1/runs/{_part('run', run)}"


def artifact_path(run: str, name: str) -> str:
    """Return the address of a file of a run below the service's."""
    return f"{run_path(run)}/artifacts/{quote(name)}"


def _change_path(run: str, change: str) -> str:
    return f"{run_path(run)}/changes/{_part('change', change)}"


def _part(field: str, value: str) -> str:
    if not value or value in (".", ".."):
        raise BadInput(field, f"got `{value}`, wanted a name", f"`{value}`는 쓸 수 없습니다")
    return quote(value, safe="")


def _plain(given: Fields) -> Any:
    if isinstance(given, BaseModel):
        return given.model_dump(mode="json", exclude_unset=True)
    return dict(given)


def _said(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _read(response: httpx.Response, kind: type[A]) -> A:
    try:
        return kind.model_validate_json(response.content)
    except ValidationError:
        raise ServiceError(
            f"the answer is no {kind.__name__} of fabula: is this the right address?",
            "fabula의 답이 아닙니다. 주소가 맞는지 보세요",
            code="bad_answer",
        ) from None
