"""Tell webhooks what the outbox holds: signed, tried again over a day, every try written down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from fabula.errors import BadInput, FabulaError
from fabula.runs.signing import signature, webhook_secret_of
from fabula.safety.fetch import GuardedFetch, Patience
from fabula.settings import Settings
from fabula.store.deliveries import Due, record_try, take_deliveries
from fabula.store.engine import Store

log = logging.getLogger("fabula.runs")

PATIENCE = Patience(connect_s=5.0, silence_s=10.0, whole_s=15.0, redirects=0)
HOLD_S = 30.0
"""How long a process may take to send and to write it down, before another sends again."""
AT_ONCE = 8
LOOK_S = 1.0
WAITS_S = (10.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 28_800.0)
"""How long after each failed try the next one comes; after the last it is given up: in a day."""
GONE = 410
Outcome = Literal["delivered", "failed", "given_up"]


class Webhooks:
    """Sends what is due in the outbox; every service process and worker has one.

    A receiver may be told twice: a process can end between sending and writing it down. The
    delivery's id stays the same, so that the receiver can tell. `observe` hears of each outcome.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        fetch: GuardedFetch | None = None,
        observe: Callable[[Outcome], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._store = store
        self._fetch = fetch or guard_of(settings)
        self._observe = observe
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def start(self) -> None:
        """Send from now on; nothing is sent where no secret is set."""
        if self._settings.webhook_secret is not None:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End after what is being sent."""
        self._closing.set()
        if self._task:
            await asyncio.wait([self._task])

    async def send_due(self) -> int:
        """Send what is due now; return how many were tried."""
        taken = await take_deliveries(self._store, hold_s=HOLD_S, most=AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for due in taken:
                group.create_task(self._send(due))
        return len(taken)

    async def _run(self) -> None:
        while not self._closing.is_set():
            sent = 0
            try:
                sent = await self.send_due()
            except* (SQLAlchemyError, FabulaError, OSError) as errors:
                names = sorted({type(error).__name__ for error in errors.exceptions})
                log.warning("webhooks not sent errors=%s", ",".join(names))
            if sent < AT_ONCE:
                await _either(self._closing, LOOK_S)

    async def _send(self, due: Due) -> None:
        status, error = None, None
        try:
            status = await self._fetch.send(due.url, due.body.encode(), self._headers(due))
        except BadInput as refused:
            # Without its field, the address: that is in the delivery already.
            error = refused.en.removeprefix(f"{refused.field}: ")
        delivered = status is not None and 200 <= status < 300  # noqa: PLR2004 - what HTTP says
        wait_s = None if delivered or status == GONE else _wait(due.number)
        await record_try(
            self._store, due, status=status, error=error, delivered=delivered, wait_s=wait_s
        )
        if delivered:
            self._observe("delivered")
            return
        self._observe("failed" if wait_s is not None else "given_up")
        level = logging.INFO if wait_s is not None else logging.WARNING
        log.log(
            level,
            "webhook not delivered run=%s delivery=%s try=%d status=%s error=%s next_s=%s",
            due.run,
            due.id,
            due.number,
            status,
            error,
            wait_s,
        )

    def _headers(self, due: Due) -> dict[str, str]:
        stamp = str(int(self._clock()))
        secret = webhook_secret_of(self._settings, due.owner)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "Fabula-Event": due.event,
            "Fabula-Delivery": due.id,
            "Fabula-Timestamp": stamp,
            "Fabula-Signature": signature(secret, stamp, due.body.encode()),
        }


def check_webhook(settings: Settings, url: str) -> None:
    """Refuse a webhook that could never be told, before a run is written."""
    webhook_secret_of(settings, "")
    try:
        guard_of(settings).check(url)
    except BadInput as error:
        en = error.en.removeprefix(f"{error.field}: ")
        ko = error.ko.removeprefix(f"{error.field}: ")
        raise BadInput("webhook", f"the address {en}", f"주소를 쓸 수 없습니다: {ko}") from None


def guard_of(settings: Settings) -> GuardedFetch:
    """Return the way to receivers: public hosts, and those that the operator has opened."""
    return GuardedFetch(private_hosts=settings.fetch_private_hosts, patience=PATIENCE)


def _wait(number: int) -> float | None:
    return WAITS_S[number - 1] if number <= len(WAITS_S) else None


async def _either(event: asyncio.Event, wait_s: float) -> None:
    try:
        async with asyncio.timeout(wait_s):
            await event.wait()
    except TimeoutError:
        return
