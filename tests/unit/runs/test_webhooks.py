"""Webhooks against a real receiver on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from fabula.errors import BadInput
from fabula.runs import webhooks
from fabula.runs.queue.pool import LocalBell
from fabula.runs.queue.queueing import RunQueue
from fabula.runs.signing import webhook_secret_of
from fabula.runs.webhooks import WAITS_S, Webhooks, check_webhook
from fabula.settings import Settings
from fabula.store.deliveries import Delivery, list_deliveries
from fabula.store.engine import Store
from fabula.store.tables import db_now, deliveries
from fabula.testing.echo import ECHO

SECRET = "a-secret-of-the-operator"
BRIEF = {"text": "가을 산책", "count": 2}


class Receiver:
    """Answers each POST with the next of `statuses`, the last one for ever."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.location = ""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value for name, _, value in lines}
            body = await reader.readexactly(int(headers["content-length"]))
            self.got.append((headers, body))
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            more = f"Location: {self.location}\r\n" if self.location else ""
            writer.write(f"HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def done(self) -> None:
        await asyncio.gather(*self._tasks)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await made.done()


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    return Settings(
        home=tmp_path / "home",
        webhook_secret=SecretStr(SECRET),
        fetch_private_hosts=(f"127.0.0.1:{receiver.port}",),
    )


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = await Store.open(settings)
    yield opened
    await opened.close()


async def told(settings: Settings, store: Store, receiver: Receiver) -> str:
    """Make a run whose end is to be told; return its id."""
    queue = RunQueue(settings, store, LocalBell(None), products={"echo": ECHO})
    url = f"http://127.0.0.1:{receiver.port}/hook?x=1"
    run, _ = await queue.submit("echo", BRIEF, owner="ann", webhook=url)
    await queue.cancel(run)
    return run


async def the_delivery(store: Store, run: str) -> Delivery:
    (found,) = await list_deliveries(store, run)
    return found


async def due_now(store: Store) -> None:
    await store.write_row(update(deliveries).values(next_at=db_now(), taken_until=None))


async def test_an_end_is_told_once_signed_for_its_owner(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    run = await told(settings, store, receiver)
    outcomes: list[str] = []
    sender = Webhooks(settings, store, observe=outcomes.append, clock=lambda: 1_700_000_000.9)
    assert [await sender.send_due(), await sender.send_due()] == [1, 0]
    ((headers, body),) = receiver.got
    assert json.loads(body) == {
        "type": "run.cancelled",
        "run_id": run,
        "product": "echo",
        "project": "default",
        "thread": None,
        "status": "cancelled",
        "code": "cancelled",
    }
    secret = webhook_secret_of(settings, "ann").encode()
    wanted = hmac.new(secret, b"1700000000." + body, hashlib.sha256).hexdigest()
    assert headers["fabula-signature"] == f"v1={wanted}"
    assert headers["fabula-timestamp"] == "1700000000"
    assert headers["fabula-event"] == "run.cancelled"
    delivery = await the_delivery(store, run)
    assert headers["fabula-delivery"] == delivery.id
    assert (delivery.state, delivery.next_at, outcomes) == ("delivered", None, ["delivered"])
    assert [(one.number, one.status, one.error) for one in delivery.tries] == [(1, 200, None)]


async def test_a_failed_delivery_is_tried_again_and_then_given_up(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    run = await told(settings, store, receiver)
    receiver.statuses = [500]
    sender = Webhooks(settings, store)
    for wait_s in WAITS_S:
        assert await sender.send_due() == 1
        delivery = await the_delivery(store, run)
        assert delivery.state == "waiting"
        assert delivery.next_at == pytest.approx(delivery.tries[-1].at + wait_s, abs=5)
        assert await sender.send_due() == 0
        await due_now(store)
    assert await sender.send_due() == 1
    delivery = await the_delivery(store, run)
    assert (delivery.state, delivery.next_at) == ("given_up", None)
    assert [one.status for one in delivery.tries] == [500] * (len(WAITS_S) + 1)
    assert sum(WAITS_S) < 86_400


async def test_a_receiver_that_is_back_is_told(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    run = await told(settings, store, receiver)
    receiver.statuses = [503, 204]
    sender = Webhooks(settings, store)
    await sender.send_due()
    await due_now(store)
    await sender.send_due()
    delivery = await the_delivery(store, run)
    assert delivery.state == "delivered"
    assert [one.status for one in delivery.tries] == [503, 204]
    assert len({headers["fabula-delivery"] for headers, _ in receiver.got}) == 1


async def test_a_process_that_ends_before_it_wrote_it_down_leads_to_a_second_telling(
    settings: Settings, store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await told(settings, store, receiver)
    monkeypatch.setattr(webhooks, "HOLD_S", 0.2)

    async def killed(*args: Any, **kwargs: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(webhooks, "record_try", killed)
        with suppress(asyncio.CancelledError):
            await Webhooks(settings, store).send_due()
    assert len(receiver.got) == 1
    assert await Webhooks(settings, store).send_due() == 0, "another may still be at it"
    await asyncio.sleep(0.25)
    assert await Webhooks(settings, store).send_due() == 1
    first, second = (headers["fabula-delivery"] for headers, _ in receiver.got)
    assert first == second
    delivery = await the_delivery(store, run)
    seen = [(one.number, one.status, one.error) for one in delivery.tries]
    assert (delivery.state, seen) == ("delivered", [(1, None, None), (2, 200, None)])


async def test_a_redirect_is_not_followed(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    run = await told(settings, store, receiver)
    receiver.statuses, receiver.location = [302], f"http://127.0.0.1:{receiver.port}/elsewhere"
    await Webhooks(settings, store).send_due()
    assert len(receiver.got) == 1
    assert (await the_delivery(store, run)).tries[0].status == 302


async def test_a_receiver_that_is_gone_is_told_no_more(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    run = await told(settings, store, receiver)
    receiver.statuses = [410]
    await Webhooks(settings, store).send_due()
    assert (await the_delivery(store, run)).state == "given_up"


async def test_a_name_that_came_to_lead_inside_is_not_asked(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    run = await told(settings, store, receiver)
    closed = settings.model_copy(update={"fetch_private_hosts": ()})
    await Webhooks(closed, store).send_due()
    (only,) = (await the_delivery(store, run)).tries
    assert (only.status, receiver.got) == (None, [])
    assert "80 and 443" in str(only.error)


async def test_the_sender_sends_by_itself_and_ends_in_order(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    sender = Webhooks(settings, store)
    sender.start()
    run = await told(settings, store, receiver)
    async with asyncio.timeout(10):
        while True:
            if (await the_delivery(store, run)).state == "delivered":
                break
            await asyncio.sleep(0.02)
    await sender.close()
    assert len(receiver.got) == 1


async def test_two_senders_tell_each_delivery_once(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    for _ in range(12):
        await told(settings, store, receiver)
    senders = [Webhooks(settings, store) for _ in range(3)]
    async with asyncio.timeout(20):
        while sum(await asyncio.gather(*(one.send_due() for one in senders))):
            pass
    ids = [headers["fabula-delivery"] for headers, _ in receiver.got]
    assert (len(ids), len(set(ids))) == (12, 12)


async def test_without_a_secret_a_webhook_is_refused_before_anything_is_written(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    unsigned = settings.model_copy(update={"webhook_secret": None})
    with pytest.raises(BadInput, match="FABULA_WEBHOOK_SECRET"):
        await told(unsigned, store, receiver)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/x",
        "http://2130706433/x",
        "http://0x7f000001/",
        "http://intranet/x",
        "https://example.com:8443/x",
        "http://me:word@example.com/x",
        "ftp://example.com/x",
        "http://10.0.0.1/x",
        "http://example.local/",
    ],
)
def test_an_address_inside_is_refused(settings: Settings, url: str) -> None:
    with pytest.raises(BadInput, match="webhook"):
        check_webhook(settings, url)
