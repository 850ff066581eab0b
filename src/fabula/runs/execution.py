"""Drive one run's graph from where it stands to an end, whichever end that is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fabula.errors import Cancelled, FabulaError, LeaseLost, Stop, StoreUnavailable, TimedOut
from fabula.gateway.faults import Hook
from fabula.gateway.gateway import Gateway, Scope
from fabula.gateway.limiting import provider_limits
from fabula.gateway.models import Models
from fabula.gateway.payment import Payments, Transport
from fabula.gateway.provider import ChatProvider, ProviderError
from fabula.gateway.providers import Providers
from fabula.nodes import Replacements, Services
from fabula.products import Product
from fabula.runs.announcing import AnnouncedArtifacts, AnnouncedPublisher
from fabula.runs.changed import fingerprint_of, input_of, kept_documents
from fabula.runs.checkpoints import open_saver
from fabula.runs.ends import End, drained, end_of, patiently, waiting
from fabula.runs.lease import Lease, Signal
from fabula.runs.parts import parts_of
from fabula.runs.progress import Progress
from fabula.runs.recorder import Listener, Recorder
from fabula.runs.records.recording import PAGE_URL, page_url_of
from fabula.runs.report import run_report
from fabula.runs.streams import StepEvents
from fabula.runs.uploads import LocatedDocuments
from fabula.safety.fetch import GuardedFetch
from fabula.settings import Settings
from fabula.store.documents import StoredDocuments
from fabula.store.engine import Fence, Store, lease_lost
from fabula.store.events import PART_ENDED, Event, last_note
from fabula.store.ledger import Answered, Ledger, Question, totals
from fabula.store.runs import RunRow, end_part, end_run, time_left
from fabula.store.tables import NANO

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.runtime import RunControl

log = logging.getLogger("fabula.runs")
RECURSION_LIMIT = 10_000
"""Never the guard: every loop counts in the state. It only has to be above the longest line."""


@dataclass(frozen=True)
class Setup:
    """What every run of one process shares."""

    settings: Settings
    store: Store
    hook: Hook
    providers: Mapping[str, ChatProvider]
    listener: Listener | None


class Execution:
    """One process's hold on one run, from the taken lease to the written end."""

    def __init__(
        self,
        setup: Setup,
        row: RunRow,
        epoch: int,
        product: Product,
        replace: Replacements,
        *,
        answers: Mapping[str, Any] | None = None,
    ) -> None:
        self._setup = setup
        self._row = row
        self._product = product
        self._replace = replace
        self._answers = answers or {}
        self._change: str | None = row.change["name"] if row.change else None
        self._fence = Fence(row.id, epoch)
        self._recorder = Recorder(setup.store, self._fence, setup.listener)
        self._signal: Signal | None = None
        self._stored: list[Event] = []
        self._spent = 0
        self._draining = False
        self._held = AsyncExitStack()
        self._gateway: Gateway | None = None
        self._control: RunControl | None = None
        self._progress: Progress | None = None

    def drain(self) -> None:
        """Stop after the running step, sending nothing more; the run stays due for another."""
        self._draining = True
        if self._gateway:
            self._gateway.drain()
        if self._control:
            self._control.request_drain()

    async def run(self, *opening: Event) -> End:
        """Execute, write the end, give the lease back. Raises LeaseLost, or the cancellation."""
        settings = self._setup.settings
        lease = Lease(settings.store_url, self._fence, settings.lease_s, self._signalled())
        lease.start()
        try:
            stored = self._stored = await self._recorder.open(self._row.part)
            for event in opening:
                self._recorder.add(event)
            async with self._held:
                end, cancelled = await self._outcome(stored)
            end = await self._write(end)
        finally:
            await asyncio.to_thread(lease.stop)
        if cancelled:
            raise cancelled
        return end

    async def _outcome(self, stored: list[Event]) -> tuple[End, asyncio.CancelledError | None]:
        try:
            return await self._driven(stored), None
        except (LeaseLost, StoreUnavailable):
            # Not an end: the run is taken up again from where it stands.
            raise
        except asyncio.CancelledError as cancelled:
            return end_of(self._interrupted()), cancelled
        except FabulaError as error:
            return patiently(end_of(error), self._row), None
        except Exception as error:
            log.exception("run failed run=%s product=%s", self._row.id, self._product.name)
            reason = {"en": f"{type(error).__name__}: {error}", "ko": f"내부 오류: {error}"}
            return End("failed", "bug", reason, error=error), None

    async def _driven(self, stored: list[Event]) -> End:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        limit = asyncio.timeout(await time_left(self._setup.store, self._row.id))
        try:
            async with limit:
                return await self._graph_run(stored)
        except asyncio.CancelledError:
            if self._signal is None:
                raise
            task.uncancel()
            raise self._stop_for(self._signal) from None
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimedOut(
                f"the run passed its {self._row.timeout_s:g} s; it can be resumed",
                f"제한 시간 {self._row.timeout_s:g}초가 지났습니다. 이어서 실행할 수 있습니다",
            ) from None

    async def _graph_run(self, stored: list[Event]) -> End:
        from langgraph.errors import GraphDrained
        from langgraph.runtime import RunControl

        services, gateway = await self._services()
        self._gateway, self._control = gateway, RunControl()
        if self._draining:
            self.drain()
        graph = self._product.graph(services, self._flags(), self._replace, self._change)
        try:
            async with open_saver(self._setup.store, self._setup.hook) as saver:
                compiled = graph.compile(checkpointer=saver)
                thread = f"{self._row.id}:{self._row.part}"
                config: RunnableConfig = {
                    "configurable": {"thread_id": thread},
                    "recursion_limit": RECURSION_LIMIT,
                }
                begun = await saver.aget_tuple(config) is not None
                parts = await parts_of(
                    self._setup.store, self._row, self._product, services, stored
                )
                self._progress = Progress(_steps(compiled), parts=parts)
                steps = StepEvents(self._recorder, self._progress, gateway.used)
                if begun:
                    await steps.close_open_tasks(compiled, config, stored)
                async for chunk in compiled.astream(
                    await self._input(compiled, config, begun=begun),
                    config,
                    stream_mode=["tasks", "custom"],
                    durability="sync",
                    version="v2",
                    subgraphs=True,
                    control=self._control,
                ):
                    steps.see(chunk)
                state = await compiled.aget_state(config)
                if state.interrupts:
                    return waiting(state.interrupts)
                if self._row.part > 1:
                    await saver.adelete_thread(f"{self._row.id}:{self._row.part - 1}")
                if state.values.get("more"):
                    return End("queued", more=True)
                end = await self._finish(services, gateway, str(state.values["result"]))
                await saver.adelete_thread(thread)
                return end
        except GraphDrained:
            raise drained() from None
        finally:
            await gateway.settle()

    async def _input(self, compiled: Any, config: RunnableConfig, *, begun: bool) -> Any:
        if not begun:
            return input_of(self._row, self._product)
        pending = {one.id for one in (await compiled.aget_state(config)).interrupts}
        # After a crash the answer may have been taken in already.
        if answers := {id_: one for id_, one in self._answers.items() if id_ in pending}:
            from langgraph.types import Command

            return Command(resume=answers)
        return None

    async def _finish(self, services: Services, gateway: Gateway, result: str) -> End:
        document = await services.documents.get(self._product.result, result)
        outcome = str(getattr(document, "status", "complete"))
        await gateway.settle()
        if self._row.change:
            kept = kept_documents(self._row.change, document)
            self._recorder.add(Event("kept", note={"documents": kept, "count": len(kept)}))
        await self._recorder.flush()
        report = await run_report(self._setup.store, self._row.id, outcome=outcome)
        artifact = await services.artifacts.put("run.json", report, "application/json")
        await services.publisher.publish([(artifact, report)])
        return End("succeeded", result=result, outcome=outcome)

    async def _write(self, end: End) -> End:
        if self._progress and self._product.in_parts and (end.more or end.status == "succeeded"):
            note = self._progress.end_part(more=end.more)
            status = "queued" if end.more else None
            self._recorder.add(Event(PART_ENDED, status=status, note=note))
        if end.more:
            await self._recorder.close()
            stands = await end_part(self._setup.store, self._fence)
            return replace(end, status=stands, more=stands == "queued")
        note = {**end.reason, "code": end.code, "outcome": end.outcome}
        note = {key: value for key, value in note.items() if value is not None}
        self._recorder.add(Event(f"run.{end.status}", status=end.status, note=note))
        await self._recorder.close()
        await end_run(
            self._setup.store,
            self._fence,
            status=end.status,
            code=end.code,
            reason=end.reason,
            result=end.result,
            outcome=end.outcome,
            wait_s=end.wait_s,
        )
        return end

    async def _services(self) -> tuple[Services, Gateway]:
        setup, row, store = self._setup, self._row, self._setup.store
        settings = setup.settings
        brief = await StoredDocuments(store, self._fence).get(self._product.brief, row.brief)
        documents = LocatedDocuments(store, self._fence, owner=row.owner, brief=row.brief)
        models = await asyncio.to_thread(Models, settings, row.profile)
        flags = self._flags()
        agents = self._product.agents_of(flags, self._change)
        pins = {one.name: models.pinned(one.name) for one in agents}
        fallbacks = tuple(getattr(flags, "fallback_models", ()))
        named = {agent: f"{pin.provider}:{pin.name}" for agent, pin in pins.items()}
        answering = [name.partition(":")[0] for name in (*named.values(), *fallbacks)]
        page_url = await self._page_url()
        self._recorder.add(Event("run.models", note=named))
        ledger = Ledger(store, self._fence)
        redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
        limiter = await self._held.enter_async_context(provider_limits(models.limits, redis_url))
        self._spent = (await totals(store, row.id)).answered
        gateway = Gateway(
            Scope(
                run=row.id,
                fingerprint=fingerprint_of(self._product, brief, row.change),
                limits=self._product.limits(flags),
                fallbacks=fallbacks,
            ),
            ledger=ledger,
            models=models,
            provider_of=Providers(
                settings, recipes=self._product.recipes, given=setup.providers
            ).of,
            payments=Payments(
                ledger,
                transport=Transport(settings.transport_tries, settings.transport_backoff_s),
                allowance=self._product.allowance,
                hook=setup.hook,
                on_answer=self._answered,
                on_failure=self._failed,
                limiter=limiter,
                project=row.project,
            ),
            on_switch=self._switched,
        )
        services = Services(
            agents=gateway,
            documents=documents,
            artifacts=AnnouncedArtifacts(store, self._fence, self._recorder),
            publisher=AnnouncedPublisher(Path(row.out), self._recorder),
            offline="offline" in answering,
            fetch=GuardedFetch(private_hosts=settings.fetch_private_hosts),
            page_url=page_url,
        )
        return services, gateway

    async def _page_url(self) -> str | None:
        """Return where the folder will stand on the web, as it was when the run first began."""
        if self._row.part > 1:
            note = await last_note(self._setup.store, self._row.id, PAGE_URL)
            return str(note["url"]) if note else None
        kept = page_url_of(self._stored)
        if kept or any(one.type == "run.models" for one in self._stored):
            return kept
        site = self._setup.settings.site_url
        if site is None:
            return None
        name = quote(Path(self._row.out).name)
        url = f"{site}{name}/" if name else site
        self._recorder.add(Event(PAGE_URL, note={"url": url}))
        return url

    def _flags(self) -> Any:
        return self._product.flags.model_validate(self._row.flags)

    def _answered(self, answered: Answered) -> None:
        self._spent += answered.cost
        self._recorder.add(
            Event(
                "cost",
                item=answered.item,
                note={
                    "agent": answered.agent,
                    "model": f"{answered.provider}:{answered.model}",
                    "input_tokens": answered.input_tokens,
                    "output_tokens": answered.output_tokens,
                    "cost": answered.cost / NANO,
                    "total": self._spent / NANO,
                },
            )
        )

    def _failed(self, question: Question, failure: ProviderError, sent: int) -> None:
        note = {
            "agent": question.agent,
            "model": f"{question.provider}:{question.model}",
            "code": failure.status,
            "try": sent,
            "maybe_billed": failure.maybe_billed,
        }
        self._recorder.add(Event("provider_away", item=question.item, note=note))

    def _switched(self, agent: str, from_model: str, to_model: str, reason: str) -> None:
        note = {"agent": agent, "from": from_model, "to": to_model, "reason": reason}
        self._recorder.add(Event("model_switched", note=note))

    def _signalled(self) -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task

        def on_signal(signal: Signal) -> None:
            if self._signal is None:
                self._signal = signal
                loop.call_soon_threadsafe(task.cancel)

        return on_signal

    def _stop_for(self, signal: Signal) -> Stop:
        return lease_lost(self._fence) if signal == "lease_lost" else self._interrupted()

    def _interrupted(self) -> Cancelled:
        return Cancelled(
            "the run was cancelled; everything made is kept, and it can be resumed",
            "실행을 취소했습니다. 만든 것은 남아 있고 이어서 실행할 수 있습니다",
        )


def _steps(compiled: Any) -> list[str]:
    # Not of its drawing: making that takes longer than a step does.
    return [name for name in compiled.nodes if not name.startswith("__")]
