"""Pay once: one shielded task claims, asks the provider, and records before anyone reads."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.exc import OperationalError

from fabula.errors import (
    Cancelled,
    Drained,
    FabulaError,
    LeaseLost,
    OverBudget,
    ProviderDown,
    ProviderRefused,
    Stop,
    StoreUnavailable,
)
from fabula.gateway.faults import Hook
from fabula.gateway.leave import Leave, Leaves, most_tokens
from fabula.gateway.limits import UNLIMITED, Limiter
from fabula.gateway.models import Model
from fabula.gateway.provider import ChatAnswer, ChatProvider, ChatRequest, ProviderError
from fabula.gateway.sending import looking
from fabula.korean.particles import attach
from fabula.store.ledger import Answered, Ledger, Question
from fabula.store.texts import storable

log = logging.getLogger("fabula.gateway")
MAX_BACKOFF_S = 8.0
MAX_RETRY_AFTER_S = 30.0
RECORD_TRIES = 60
HOLD_PAUSE_S = 0.5
FRESH_S = 0.2
"""So old may a claim be when its request goes out; an older one is looked at again."""


@dataclass(frozen=True)
class Transport:
    """How often and after what pause, in seconds, one question is sent again."""

    tries: int
    backoff_s: float


class _Call(NamedTuple):
    """One question and whom it is sent to."""

    question: Question
    request: ChatRequest
    model: Model
    provider: ChatProvider


class _Look:
    """Raise LeaseLost where a request would go out for a run that was taken over meanwhile.

    A process that was stopped after its claim, and wakes up when another has asked this very
    question, would pay for it again. `refused` is what was raised.
    """

    def __init__(self, ledger: Ledger, claimed_at: float) -> None:
        self._ledger = ledger
        self._claimed_at = claimed_at
        self.refused: FabulaError | None = None

    async def __call__(self) -> None:
        if time.monotonic() - self._claimed_at < FRESH_S:
            return
        try:
            await self._ledger.confirm()
        except FabulaError as error:
            self.refused = error
            raise


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
        limiter: Limiter = UNLIMITED,
        project: str = "default",
    ) -> None:
        """Take the run's ledger, what each request waits for, and who is told of what came back.

        `on_answer` hears of each answer that is recorded, `on_failure` of each request that
        brought none, with how often its question has been sent.
        """
        self._ledger = ledger
        self._transport = transport
        self._allowance = allowance
        self._hook = hook
        self._on_answer = on_answer
        self._on_failure = on_failure
        self._leaves = Leaves(limiter, project)
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
            async with AsyncExitStack() as waited:
                if permit:
                    await permit.acquire()
                    waited.callback(permit.release)
                leave = await self._leaves.wait(question)
                waited.push_async_exit(leave.held)
                # Another caller may have sent the same question while this one waited.
                task = self._open.get(question.key)
                if task is None:
                    waited.pop_all()
                    work = self._work(_Call(question, request, model, provider), leave)
                    task = asyncio.create_task(work)
                    self._open[question.key] = task
                    task.add_done_callback(lambda _: self._forget(question.key, permit))
        return await asyncio.shield(task)

    def _forget(self, key: str, permit: asyncio.Semaphore | None) -> None:
        task = self._open.pop(key)
        if permit:
            permit.release()
        if not task.cancelled() and isinstance(task.exception(), LeaseLost):
            log.warning("late answer dropped key=%s: the run was taken over", key)

    async def settle(self) -> None:
        """Wait for every call on its way; no new transport retry is begun."""
        self._end(Cancelled("the run is ending: nothing more is sent"))
        while self._open:
            await asyncio.wait(self._open.values())

    def drain(self) -> None:
        """Send nothing more; whoever asks hears Drained. What is on its way is recorded."""
        self._end(Drained("the process is ending: nothing more is sent"))

    def _end(self, reason: Stop) -> None:
        self._ending = self._ending or reason
        self._leaves.end(reason)

    async def _work(self, call: _Call, leave: Leave) -> Answered:
        sent = 1
        while True:
            # Left before the pause, so that the limiter hears of a 429 at once.
            async with leave.held:
                got = await self._send(call, leave, sent)
            if isinstance(got, Answered):
                return got
            await self._pause(sent, got, call.question)
            leave = await self._leaves.wait(call.question)
            sent += 1

    async def _send(self, call: _Call, leave: Leave, sent: int) -> Answered | ProviderError:
        """Claim, ask and record once; return the failure after which it may be sent again."""
        question, request, model, provider = call
        known = {"key": question.key, "item": question.item}
        await self._hook("before_claim", known)
        claim, look = await self._claim(question)
        await self._hook("after_claim", known)
        try:
            with looking(look):
                async with asyncio.timeout(model.call_timeout_s):
                    answer = await provider.complete(request)
        except (ProviderError, TimeoutError) as error:
            if look.refused:
                leave.admitted.settle(0)
                raise look.refused from None
            failure = _as_provider_error(error, model)
            if failure.blocked:
                # Kept as an answer that cost nothing, so that a resume or a replay finds it.
                leave.admitted.settle(0)
                nothing = ChatAnswer("", "content_filter", 0, 0, model.name)
                return await self._record(claim, question, nothing, model, known)
            leave.failed(failure, question)
            await self._failed(claim, failure)
            self._on_failure(question, failure, sent)
            if not failure.retryable:
                raise _refused(question, failure) from None
            if sent == self._transport.tries:
                raise _down(question, failure) from None
            return failure
        except BaseException:
            leave.admitted.settle(most_tokens(question))
            await self._ledger.doubt(claim)
            raise
        leave.admitted.settle(answer.input_tokens + answer.output_tokens)
        return await self._record(claim, question, answer, model, known)

    async def _claim(self, question: Question) -> tuple[str, _Look]:
        while True:
            if self._ending:
                raise self._ending
            look = _Look(self._ledger, time.monotonic())
            try:
                return await self._ledger.claim(question, allowance=self._allowance), look
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
            text=storable(answer.text),
            finish_reason=answer.finish_reason,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost=model.price.cost(answer.input_tokens, answer.output_tokens),
        )
        await self._hold(claim, answered)
        self._on_answer(answered)
        await self._hook("after_record", known)
        return answered

    async def _hold(self, claim: str, answered: Answered) -> None:
        """Record a paid answer, however long the store stays away; a lost lease ends it.

        A run that is ending gives up at last: its process could never end otherwise.
        """
        tried = 0
        while True:
            try:
                return await self._ledger.record(claim, answered)
            except (OperationalError, StoreUnavailable):
                # A full disk, a locked file, a server that is away.
                tried = tried + 1 if self._ending else 0
                if tried == RECORD_TRIES:
                    raise
                log.warning("answer held key=%s: the ledger cannot be written", answered.key)
            await asyncio.sleep(HOLD_PAUSE_S)


def _as_provider_error(error: Exception, model: Model) -> ProviderError:
    if isinstance(error, ProviderError):
        return error
    return ProviderError(
        f"no answer within {model.call_timeout_s:g} s", retryable=True, maybe_billed=True
    )


def _refused(question: Question, failure: ProviderError) -> ProviderRefused:
    name = f"{question.provider}:{question.model}"
    asked = f"{question.agent} for `{question.item}`"
    if failure.status is None and failure.maybe_billed:
        return ProviderRefused(
            f"{name} answered {asked} with something else than an answer: {failure}",
            f"{attach(name, '이')} 보낸 응답을 답으로 읽을 수 없습니다. 서버 주소(base URL)가 "
            "맞는지 확인하세요",
        )
    if failure.status is None:
        return ProviderRefused(
            f"{name} could not be asked {asked}: {failure}",
            f"{name}에 요청을 보낼 수 없습니다. 서버 주소(base URL)와 모델 설정을 확인하세요",
        )
    return ProviderRefused(
        f"{name} refused {asked} (status {failure.status}): {failure}",
        f"{attach(name, '이')} 요청을 거절했습니다 (상태 {failure.status})",
    )


def _down(question: Question, failure: ProviderError) -> ProviderDown:
    status = "" if failure.status is None else f" (status {failure.status})"
    return ProviderDown(
        f"{question.provider}:{question.model} stayed away{status}: {failure}; "
        "resume the run later",
        f"{attach(f'{question.provider}:{question.model}', '이')} 응답하지 않습니다. "
        "나중에 이어서 실행하세요",
    )
