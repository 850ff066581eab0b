"""A call's wait for the provider's limits, which the end of a run cuts short."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import NamedTuple

from fabula.errors import Stop
from fabula.gateway.limits import Admitted, Limiter
from fabula.gateway.provider import ProviderError
from fabula.store.ledger import Question

TOO_MANY_REQUESTS = 429


class Leave(NamedTuple):
    """The limiter's leave to send one request; `held` is closed when it has been sent."""

    admitted: Admitted
    held: AsyncExitStack

    def failed(self, failure: ProviderError, question: Question) -> None:
        """Tell the limiter what a request without an answer used up."""
        if failure.status == TOO_MANY_REQUESTS and failure.retryable:
            self.admitted.throttled(failure.retry_after_s)
        else:
            self.admitted.settle(most_tokens(question) if failure.maybe_billed else 0)


class Leaves:
    """The waits of one run."""

    def __init__(self, limiter: Limiter, project: str) -> None:
        self._limiter = limiter
        self._project = project
        self._waits: set[asyncio.Timeout] = set()
        self._ending: Stop | None = None

    async def wait(self, question: Question) -> Leave:
        """Wait for the question's turn; raises the reason once the run is ending."""
        if self._ending:
            raise self._ending
        held = AsyncExitStack()
        turn = self._limiter.admit(
            model=f"{question.provider}:{question.model}",
            project=self._project,
            tokens=most_tokens(question),
        )
        try:
            # Until `end`. A call that is sent again waits where no caller can cancel it.
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                try:
                    return Leave(await held.enter_async_context(turn), held)
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            if self._ending is None:
                raise
            raise self._ending from None

    def end(self, reason: Stop) -> None:
        """Let nobody wait any longer: they hear the reason."""
        self._ending = self._ending or reason
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            wait.reschedule(now)


def most_tokens(question: Question) -> int:
    """Return what a question may use at most, as providers count it when it arrives."""
    return question.estimated_tokens + question.max_output_tokens
