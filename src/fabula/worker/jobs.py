"""The ARQ jobs that a worker takes: the bell, `run_product` of other applications, no other."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from fabula.documents import Strict
from fabula.errors import BadInput, FabulaError, StoreUnavailable
from fabula.runs.queue.pool import Pool
from fabula.runs.queue.queueing import RunQueue
from fabula.runs.queue.ringing import BELL
from fabula.store.tables import LOCAL

log = logging.getLogger("fabula.worker")
REFUSED = "refused"
ASK_AGAIN_S = 2
"""How soon a job is tried again that the database had no answer for."""
_WAY_OUT = "enqueue `run_product` through fabula.client.enqueue"


class ProductJob(Strict):
    """What `run_product` takes besides ARQ's own; `brief` is the product's, as plain JSON."""

    product: str
    brief: Mapping[str, Any]
    flags: Mapping[str, Any] = Field(default_factory=dict)
    profile: str | None = None
    budget: float | None = None
    timeout_s: float | None = None
    owner: str = Field(default=LOCAL, min_length=1, max_length=64)
    project: str = Field(default="default", min_length=1, max_length=64)
    thread: str | None = Field(default=None, min_length=1, max_length=128)
    queue: Literal["interactive", "batch"] = "batch"
    after_s: float | None = Field(default=None, gt=0)
    webhook: str | None = None


class _Times(BaseModel):
    """Which try of a job this is, and when it was put in, in ms: ARQ reckons with both."""

    t: int | None = Field(strict=True, ge=0, le=1_000_000)
    et: int = Field(strict=True, ge=0, le=100_000_000_000_000)


@dataclass
class Jobs:
    """What a worker's jobs need; `on_refused` is told why a job was turned away."""

    queue: RunQueue
    pool: Pool
    on_refused: Callable[[str], None] = field(default=lambda _: None)

    async def bell(self, ctx: Mapping[str, Any], queue: str) -> None:  # noqa: ARG002 - ARQ gives it
        """Look for what is due in the queue; ARQ's job ends at once, the serving goes on."""
        self.pool.serve_soon(queue)

    async def run_product(
        self, ctx: Mapping[str, Any], product: str, brief: Any, **options: Any
    ) -> dict[str, Any]:
        """Write a run that is due; ARQ's job id is its idempotency key.

        Returns `{"run_id", "new"}`, or `{"error": {code, en, ko}}` for what cannot be run.
        """
        from arq.worker import Retry

        job, key = str(ctx["job_id"]), f"arq:{ctx['job_id']}"
        try:
            asked = ProductJob(product=product, brief=brief, **options)
            request = asked.model_dump(mode="json")
            wanted = {name: getattr(asked, name) for name in ProductJob.model_fields}
            run, new = await self.queue.submit(
                wanted.pop("product"),
                wanted.pop("brief"),
                **wanted,
                idempotency_key=key,
                request=request,
                door="arq",
                outside=True,
            )
        except StoreUnavailable:
            raise Retry(defer=ASK_AGAIN_S) from None
        except (FabulaError, ValidationError) as error:
            return self._turned_away(job, _as_fabula(error))
        log.info("job taken job=%s run=%s product=%s new=%s", job, run, product, new)
        return {"run_id": run, "new": new}

    async def editorial_article_job(
        self, ctx: Mapping[str, Any], brief: Any, **options: Any
    ) -> dict[str, Any]:
        """Do `run_product` for the magazine."""
        return await self.run_product(ctx, "magazine", brief, **options)

    async def refused(self, ctx: Mapping[str, Any], function: str, why: str) -> None:
        """Answer a job that is none of these."""
        log.error(
            "alert: job refused job=%s function=%s reason=%s way_out=%s",
            ctx["job_id"],
            function,
            why,
            _WAY_OUT,
        )
        self.on_refused(why)

    def _turned_away(self, job: str, error: FabulaError) -> dict[str, Any]:
        log.error("alert: job refused job=%s code=%s reason=%s", job, error.code, error.en)
        self.on_refused(error.code)
        return {"error": {"code": error.code, "en": error.en, "ko": error.ko}}


def reader(*names: str) -> Callable[[bytes], dict[str, Any]]:
    """Make the deserializer of a worker that knows these functions.

    Whatever else lies in the queue becomes a call of `refused`: ARQ would only log it, and its own
    pickle is never loaded, since that runs what somebody put into Redis.
    """

    def read(raw: bytes) -> dict[str, Any]:
        try:
            job = json.loads(raw)
            function, given, named = str(job["f"]), list(job["a"]), dict(job["k"])
            rest = _Times.model_validate(job).model_dump()
        except (ValueError, TypeError, KeyError, RecursionError):
            return _refusal("?", "pickle" if raw[:1] == b"\x80" else "format")
        if function not in names:
            return _refusal(function[:80], "function", **rest)
        if problem := _unfit(function, given, named):
            return _refusal(function, problem, **rest)
        return {"f": function, "a": given, "k": named, **rest}

    return read


def _refusal(function: str, why: str, t: int | None = None, et: int = 0) -> dict[str, Any]:
    return {"f": REFUSED, "a": [function, why], "k": {}, "t": t, "et": et}


def _unfit(function: str, given: list[Any], named: dict[str, Any]) -> str:
    """Say what is wrong with a call's arguments, before ARQ makes it; nothing where it fits."""
    wanted = {BELL: ["queue"], "run_product": ["product", "brief"]}.get(function, ["brief"])
    missing = [name for name in wanted[len(given) :] if name not in named]
    twice = [name for name in wanted[: len(given)] if name in named]
    return "arguments" if missing or twice or len(given) > len(wanted) or "ctx" in named else ""


def _as_fabula(error: FabulaError | ValidationError) -> FabulaError:
    if isinstance(error, FabulaError):
        return error
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    known = ", ".join(ProductJob.model_fields)
    return BadInput(
        f"run_product: {place}",
        f"{first['msg']}; it takes: {known}",
        f"쓸 수 없는 값입니다. 받는 것: {known}",
    )
