"""Pay once: one shielded task claims, asks the provider, and records before anyone reads."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import OperationalError

from fabula.errors import (
    Cancelled,
    Drained,
    LeaseLost,
    OverBudget,
    ProviderDown,
    ProviderRefused,
    Stop,
)
from fabula.gateway.faults import Hook
from fabula.gateway.models import Model
from fabula.gateway.provider import ChatAnswer, ChatProvider, ChatRequest, ProviderError
from fabula.store.ledger import Answered, Ledger, Question

log = logging.getLogger("fabula.gateway")
MAX_BACKOFF_S = 8.0
MAX_RETRY_AFTER_S = 30.0
RECORD_TRIES = 60


@dataclass(frozen=True)
class Transport:
    """How often and after what pause, in seconds, one question is sent again."""

    tries: int
    backoff_s: float


class Payments:
    """The calls of one run that are on their way."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        transport: Transport,
        allowance: int,
        hook: Hook,
        on_answer: Callable[[Answered], None],
        on_failure: Callable[[Question, ProviderError, int], None] = lambda *_: None,
    ) -> None:
        """Take the run's ledger and who is told of answers and failures.

        `on_answer` hears of each answer that is recorded, `on_failure` of each request that
        brought none, with how often its question has been sent.
        """
        self._ledger = ledger
        self._transport = transport
        self._allowance = allowance
        self._hook = hook
        self._on_answer = on_answer
        self._on_failure = on_failure
        self._open: dict[str, asyncio.Task[Answered]] = {}
        self._short: set[asyncio.Task[Any]] = set()
        """Calls that wait until others give back a part of the budget."""
        self._ending: Stop | None = None

    async def pay(
        self,
        question: Question,
        request: ChatRequest,
        model: Model,
        provider: ChatProvider,
        permit: asyncio.Semaphore | None,
    ) -> Answered:
        """Return the recorded answer; the same question on its way is awaited, not sent twice.

        The work is shielded: a caller that is cancelled leaves it to finish and be recorded.
        """
        task = self._open.get(question.key)
        if task is None:
            if permit:
                await permit.acquire()
            # Another caller may have sent the same question while this one waited.
            task = self._open.get(question.key)
            if task is None:
                task = asyncio.create_task(self._work(question, request, model, provider))
                self._open[question.key] = task
                task.add_done_callback(lambda _: self._forget(question.key, permit))
            elif permit:
                permit.release()
        return await asyncio.shield(task)

    def _forget(self, key: str, permit: asyncio.Semaphore | None) -> None:
        task = self._open.pop(key)
        if permit:
            permit.release()
        if not task.cancelled() and isinstance(task.exception(), LeaseLost):
            log.warning("late answer dropped key=%s: the run was taken over", key)

    async def settle(self) -> None:
        """Wait for every call on its way; no new transport retry is begun."""
        self._ending = self._ending or Cancelled("the run is ending: nothing more is sent")
        while self._open:
            await asyncio.wait(self._open.values())

    def drain(self) -> None:
        """Send nothing more; whoever asks hears Drained. What is on its way is recorded."""
        self._ending = self._ending or Drained("the process is ending: nothing more is sent")

    async def _work(
        self, question: Question, request: ChatRequest, model: Model, provider: ChatProvider
    ) -> Answered:
        known = {"key": question.key, "item": question.item}
        for sent in range(1, self._transport.tries + 1):
            await self._hook("before_claim", known)
            claim = await self._claim(question)
            await self._hook("after_claim", known)
            try:
                async with asyncio.timeout(model.call_timeout_s):
                    answer = await provider.complete(request)
            except (ProviderError, TimeoutError) as error:
                failure = _as_provider_error(error, model)
                await self._failed(claim, failure)
                self._on_failure(question, failure, sent)
                if not failure.retryable:
                    raise _refused(question, failure) from None
                if sent == self._transport.tries:
                    raise _down(question, failure) from None
                await self._pause(sent, failure, question)
                continue
            except BaseException:
                await self._ledger.doubt(claim)
                raise
            return await self._record(claim, question, answer, model, known)
        raise AssertionError("unreachable: the last try returns or raises")

    async def _claim(self, question: Question) -> str:
        while True:
            if self._ending:
                raise self._ending
            try:
                return await self._ledger.claim(question, allowance=self._allowance)
            except OverBudget:
                if not await self._more_budget_may_come():
                    raise

    async def _more_budget_may_come(self) -> bool:
        """Wait until another call ends, which gives back what it reserved too much."""
        me = asyncio.current_task()
        others = [task for task in self._open.values() if task not in self._short | {me}]
        if me is None or not others:
            return False
        self._short.add(me)
        try:
            await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._short.discard(me)
        return True

    async def _failed(self, claim: str, failure: ProviderError) -> None:
        if failure.maybe_billed:
            await self._ledger.doubt(claim)
        else:
            await self._ledger.release(claim)

    async def _pause(self, sent: int, failure: ProviderError, question: Question) -> None:
        if self._ending:
            raise self._ending
        pause = min(self._transport.backoff_s * 2 ** (sent - 1), MAX_BACKOFF_S)
        pause *= 0.5 + random.random()  # noqa: S311 - spreads retries, guards nothing
        wished = min(failure.retry_after_s or 0.0, MAX_RETRY_AFTER_S)
        log.info(
            "provider away agent=%s item=%s try=%d status=%s",
            question.agent,
            question.item,
            sent,
            failure.status,
        )
        await asyncio.sleep(max(pause, wished))

    async def _record(
        self,
        claim: str,
        question: Question,
        answer: ChatAnswer,
        model: Model,
        known: dict[str, str],
    ) -> Answered:
        known = {**known, "model_version": answer.model_version}
        await self._hook("after_pay", known)
        answered = Answered(
            key=question.key,
            agent=question.agent,
            item=question.item,
            attempt=question.attempt,
            ask=question.ask,
            provider=question.provider,
            model=question.model,
            model_version=answer.model_version,
            text=answer.text,
            finish_reason=answer.finish_reason,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost=model.price.cost(answer.input_tokens, answer.output_tokens),
        )
        for tried in range(1, RECORD_TRIES + 1):
            try:
                await self._ledger.record(claim, answered)
                break
            except OperationalError:
                # A full disk or a locked database: a paid answer is held, never dropped.
                if tried == RECORD_TRIES:
                    raise
                log.warning("answer held key=%s: the ledger cannot be written", question.key)
                await asyncio.sleep(min(0.1 * tried, 2.0))
        self._on_answer(answered)
        await self._hook("after_record", known)
        return answered


def _as_provider_error(error: Exception, model: Model) -> ProviderError:
    if isinstance(error, ProviderError):
        return error
    return ProviderError(
        f"no answer within {model.call_timeout_s:g} s", retryable=True, maybe_billed=True
    )


def _refused(question: Question, failure: ProviderError) -> ProviderRefused:
    return ProviderRefused(
        f"{question.provider}:{question.model} refused {question.agent} for `{question.item}` "
        f"(status {failure.status}): {failure}",
        f"{question.provider}:{question.model}이 요청을 거절했습니다 (상태 {failure.status})",
    )


def _down(question: Question, failure: ProviderError) -> ProviderDown:
    return ProviderDown(
        f"{question.provider}:{question.model} stayed away "
        f"(status {failure.status}): {failure}; resume the run later",
        f"{question.provider}:{question.model}이 응답하지 않습니다. 나중에 이어서 실행하세요",
    )
