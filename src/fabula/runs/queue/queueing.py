"""Ask for runs that workers execute: submit, change, resume, decide, cancel."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from fabula.documents import Document, canonical_json
from fabula.errors import Conflict
from fabula.gateway.models import Models
from fabula.products import Product, product
from fabula.runs.asking import ask_run, new_run_id
from fabula.runs.checks import (
    Brief,
    check_resumable,
    checked_answer,
    merge_flags,
    nano,
    open_ask,
    out_folder,
    positive,
    read_brief,
)
from fabula.runs.estimate import ESTIMATED
from fabula.runs.material import check_material
from fabula.runs.planning import Prepared, prepare
from fabula.runs.uploads import check_unread
from fabula.runs.webhooks import check_webhook
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.events import Event
from fabula.store.queue import put_back, run_of_key, submit_run
from fabula.store.runs import Copied, NewRun, RunRow, get_run, want_cancel
from fabula.store.tables import LOCAL

QueueName = Literal["interactive", "batch"]
QUEUES: tuple[QueueName, ...] = ("interactive", "batch")


class Bell(Protocol):
    """Wakes a worker. A lost ring costs time only: every worker sweeps for what is due."""

    async def ring(self, queue: str) -> None:
        """Say that something is due; never raises."""
        ...


class RunQueue:
    """The runs of one store that wait for workers; rows first, the bell after the commit."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        bell: Bell,
        *,
        products: Mapping[str, Product] | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._bell = bell
        self._products = products or {}

    async def submit(
        self,
        product_name: str,
        brief: Brief,
        *,
        flags: Mapping[str, Any] | None = None,
        profile: str | None = None,
        budget: float | None = None,
        timeout_s: float | None = None,
        owner: str = LOCAL,
        project: str = "default",
        thread: str | None = None,
        queue: QueueName = "batch",
        after_s: float | None = None,
        idempotency_key: str | None = None,
        request: object = None,
        webhook: str | None = None,
        door: str = "http",
        outside: bool = False,
    ) -> tuple[str, bool]:
        """Write a run that is due, or due after `after_s` seconds; return its id, and if it is new.

        `request` is the whole request as plain JSON: the same `idempotency_key` with another one
        is refused, and with the same one gives the run that it made, whatever became of what the
        brief names. A brief from `outside` may name only what `check_material` lets pass. Raises
        BadInput before anything is written, and Conflict as `submit_run` does.
        """
        if known := await self._asked_before(owner, idempotency_key, request):
            return known, False
        made = self.product(product_name)
        if outside:
            brief = await asyncio.to_thread(read_brief, made, brief)
            await check_material(self._settings, self._store, owner, brief)
        if webhook:
            check_webhook(self._settings, webhook)
        asked = await ask_run(
            self._settings,
            made,
            brief,
            flags=flags,
            profile=profile,
            budget=budget,
            out=None,
            replace={},
            timeout_s=timeout_s,
            row={
                "id": new_run_id(),
                "owner": owner,
                "project": project,
                "door": door,
                "thread": thread,
                "queue": queue,
                "idempotency_key": idempotency_key,
                "request_hash": _hash(request) if idempotency_key else None,
                "webhook": webhook,
            },
        )
        note = {"product": made.name, "queue": queue, **asked.why}
        opening = (
            Event("run.queued", status="queued", note=note),
            *await asked.estimated(self._store),
        )
        return await self._submitted(asked.new, asked.brief, after_s=after_s, opening=opening)

    async def plan_change(
        self,
        parent: RunRow,
        change: str,
        request: BaseModel | Mapping[str, Any],
        *,
        flags: Mapping[str, Any] | None = None,
        profile: str | None = None,
        keys: bool = False,
    ) -> tuple[Prepared, BaseModel]:
        """Work out a change of a finished run, and its flags; nothing is written.

        With `keys` a profile whose models have no key is refused. Raises BadInput where the run
        cannot be changed so.
        """
        made = self.product(parent.product)
        merged = merge_flags(made, {**parent.flags, **(flags or {})}, self._settings)
        models = await asyncio.to_thread(
            Models, self._settings, profile or parent.profile, keys=keys
        )
        prepared = await prepare(
            self._store, made, parent, change, request, flags=merged, models=models
        )
        return prepared, merged

    async def change(
        self,
        parent: RunRow,
        change: str,
        request: BaseModel | Mapping[str, Any],
        *,
        flags: Mapping[str, Any] | None = None,
        profile: str | None = None,
        budget: float | None = None,
        timeout_s: float | None = None,
        queue: QueueName = "batch",
        idempotency_key: str | None = None,
        asked: object = None,
        webhook: str | None = None,
        door: str = "http",
    ) -> tuple[str, bool]:
        """Write a run that changes a finished one; return its id, and if it is new.

        It has the parent's owner and project. `asked` is the whole request as plain JSON, for the
        idempotency key. Raises BadInput before anything is written.
        """
        if known := await self._asked_before(parent.owner, idempotency_key, asked):
            return known, False
        made = self.product(parent.product)
        if webhook:
            check_webhook(self._settings, webhook)
        prepared, merged = await self.plan_change(
            parent, change, request, flags=flags, profile=profile, keys=True
        )
        await asyncio.to_thread(made.check, merged, {}, change)
        run_id = new_run_id()
        new = NewRun(
            id=run_id,
            owner=parent.owner,
            project=parent.project,
            product=made.name,
            door=door,
            flags=merged.model_dump(mode="json"),
            replaced=(),
            profile=prepared.plan.profile,
            out=str(await asyncio.to_thread(out_folder, self._settings, None, run_id)),
            budget=nano(budget),
            timeout_s=positive("timeout_s", timeout_s),
            queue=queue,
            idempotency_key=idempotency_key,
            request_hash=_hash(asked) if idempotency_key else None,
            webhook=webhook,
            parent=parent.id,
            change=prepared.row(),
        )
        told = {key: prepared.row()[key] for key in ("name", "request", "copied")}
        note = {"product": made.name, "queue": queue, "parent": parent.id, "change": told}
        opening = (
            Event("run.queued", status="queued", note=note),
            Event(ESTIMATED, note=prepared.plan.estimate.as_json()),
        )
        copied = Copied(parent.id, prepared.start.documents, prepared.start.artifacts)
        return await self._submitted(new, prepared.brief, copied=copied, opening=opening)

    async def resume(self, run_id: str, *, budget: float | None = None) -> None:
        """Make a run that rests due again; `budget` (USD) replaces its own.

        Raises Conflict where it is finished, waits for a person, is executed right now, or has yet
        to read an uploaded file that was deleted.
        """
        row = await get_run(self._store, run_id)
        check_resumable(row, {})
        await check_unread(self._store, self.product(row.product), row)
        grant = (row.reason or {}).get("item") if row.code == "rejected" else None
        answers = (row.reason or {}).get("answers")
        reason = {"answers": answers} if answers else None
        await self._put_back(row, budget=nano(budget), grant=grant, reason=reason)

    async def decide(
        self, run_id: str, answer: BaseModel | Mapping[str, Any], *, ask: str | None = None
    ) -> None:
        """Answer what a waiting run asks; BadInput where the answer is not what was asked for."""
        row = await get_run(self._store, run_id)
        asked = open_ask(row, ask)
        answers = {asked["id"]: checked_answer(self.product(row.product), asked, answer)}
        note = {"ask": asked["name"], "answer": answers[asked["id"]]}
        decided = Event("run.decided", status="queued", note=note)
        await self._put_back(row, reason={"answers": answers}, decided=decided)

    async def cancel(self, run_id: str) -> RunRow:
        """Ask a run to stop; one that nobody executes is cancelled at once."""
        return await want_cancel(self._store, run_id)

    def product(self, name: str) -> Product:
        """Return the product of that name; BadInput lists the names."""
        return self._products[name] if name in self._products else product(name)

    async def _asked_before(self, owner: str, key: str | None, request: object) -> str | None:
        if key is None:
            return None
        return await run_of_key(self._store, owner, key, _hash(request))

    async def _submitted(
        self,
        run: NewRun,
        brief: Document,
        *,
        opening: Sequence[Event],
        after_s: float | None = None,
        copied: Copied | None = None,
    ) -> tuple[str, bool]:
        new = False
        try:
            run_id, new = await submit_run(
                self._store, run, brief, after_s=after_s, copied=copied, opening=opening
            )
        finally:
            if not new:
                # The folder to publish into was made for a run that there is not.
                with suppress(OSError):
                    await asyncio.to_thread(Path(run.out).rmdir)
        if new and not after_s and run.queue:
            await self._bell.ring(run.queue)
        return run_id, new

    async def _put_back(
        self,
        row: RunRow,
        *,
        budget: int | None = None,
        grant: str | None = None,
        reason: Mapping[str, Any] | None = None,
        decided: Event | None = None,
    ) -> None:
        if row.queue is None:
            raise Conflict(
                "run",
                f"`{row.id}` belongs to the {row.door}, which executes its runs itself",
                f"`{row.id}`는 {row.door}에서 직접 실행하는 실행입니다",
                code="not_queued",
                run=row.id,
            )
        done = await put_back(
            self._store, row.id, budget=budget, grant=grant, reason=reason, decided=decided
        )
        if not done:
            raise Conflict(
                "run",
                f"`{row.id}` is being executed: cancel it first, or wait",
                f"`{row.id}`는 실행 중입니다. 취소하거나 기다리세요",
                code="run_active",
                run=row.id,
            )
        await self._bell.ring(row.queue)


def _hash(request: object) -> str:
    return hashlib.sha256(canonical_json(request).encode()).hexdigest()


async def warm_up(products: Mapping[str, Product], analyzer: str = "plain") -> None:
    """Load what the products' graphs need, before a lease ticks or an event loop waits for it.

    `analyzer` is the setting `korean_analyzer`: Kiwi's load takes seconds.
    """
    for made in products.values():
        await asyncio.to_thread(made.check, made.flags(), {})
    if analyzer == "kiwi":
        from fabula.korean.analyzer import kiwi_analyzer

        await asyncio.to_thread(kiwi_analyzer)
