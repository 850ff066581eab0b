"""Ask for a run from another ARQ application: the one documented way into the workers' queue."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from fabula.errors import Conflict, FabulaError

if TYPE_CHECKING:
    from arq.connections import ArqRedis

EXPIRES_S = 7 * 24 * 3600
"""So long a job waits for a worker before Redis forgets it."""
POLL_S = 0.05


@dataclass(frozen=True)
class Enqueued:
    """A job that asks for a run; `new` is False where one with the same key was there already."""

    job_id: str
    new: bool
    _pool: ArqRedis

    async def run_id(self, timeout_s: float = 30.0) -> str:
        """Wait until a worker wrote the run and return its id.

        Raises FabulaError as the worker refused it, and TimeoutError while none has answered.
        """
        until = time.monotonic() + timeout_s
        while True:
            if found := await self._pool.get(f"arq:result:{self.job_id}"):
                return _run_of(json.loads(found)["r"])
            if time.monotonic() > until:
                raise TimeoutError(f"no worker has taken job {self.job_id} in {timeout_s:g} s")
            await asyncio.sleep(POLL_S)


async def enqueue(
    pool: ArqRedis,
    product: str,
    brief: BaseModel | Mapping[str, Any],
    *,
    key: str | None = None,
    **options: Any,
) -> Enqueued:
    """Put a `run_product` job into the workers' queue, through a pool of ARQ's own `create_pool`.

    `key` is the ARQ job's id and the run's idempotency key: the same one makes one run however
    often it is enqueued. `options` are flags, profile, budget (USD), timeout_s, owner, project,
    thread, queue, after_s and webhook, as `POST /v1/runs` has them. A run is safe once its row is
    written, which `run_id()` waits for; a job alone is as safe as Redis is.

    Raises Conflict where a job with the key is there that asks for something else.
    """
    # Not above: a client over HTTP needs nothing of what executes runs.
    from fabula.runs.queue.ringing import JOBS_QUEUE, to_json

    plain = brief.model_dump(mode="json") if isinstance(brief, BaseModel) else dict(brief)
    job_id = key or secrets.token_hex(16)
    given = {name: value for name, value in options.items() if value is not None}
    # The pool's own serializer stays as it is: its application has other jobs.
    sender = type(pool)(pool.connection_pool, job_serializer=to_json)
    job = await sender.enqueue_job(
        "run_product",
        product,
        plain,
        _job_id=job_id,
        _queue_name=JOBS_QUEUE,
        _expires=EXPIRES_S,
        **given,
    )
    if job is None:
        await _check_same(pool, job_id, product, plain, given)
    return Enqueued(job_id, job is not None, pool)


async def _check_same(
    pool: ArqRedis, job_id: str, product: str, brief: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """Compare with the job that is there, waiting or answered; one that is neither is gone."""
    for name in (f"arq:result:{job_id}", f"arq:job:{job_id}"):
        if found := await pool.get(name):
            there = json.loads(found)
            break
    else:
        return
    asked = json.loads(json.dumps([[product, brief], given]))
    if [there.get("a"), there.get("k")] != asked:
        raise Conflict(
            "key",
            f"the job `{job_id}` asks for something else: send the first request again, or take "
            "another key",
            f"`{job_id}` 작업은 다른 요청입니다. 처음 요청을 그대로 다시 보내거나 다른 key를 "
            "쓰세요",
            code="idempotency_conflict",
        )


def _run_of(answer: Any) -> str:
    if not isinstance(answer, Mapping):
        raise FabulaError(f"the job was answered with {str(answer)[:80]!r}, not with a run")
    if error := answer.get("error"):
        raise FabulaError(str(error["en"]), str(error["ko"]), code=str(error["code"]))
    return str(answer["run_id"])
