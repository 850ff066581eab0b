"""Run, resume, cancel and look at runs: the library's door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fabula.documents import Document
from fabula.gateway.faults import Hook, no_hook
from fabula.gateway.models import Models
from fabula.gateway.provider import ChatProvider
from fabula.nodes import Replacements
from fabula.products import PRODUCTS, Product, product
from fabula.runs.asking import ask_run, new_run_id
from fabula.runs.checks import (
    Brief,
    check_replaced,
    check_resumable,
    checked_answer,
    merge_flags,
    nano,
    open_ask,
    out_folder,
    positive,
)
from fabula.runs.ends import End
from fabula.runs.estimate import ESTIMATED
from fabula.runs.execution import Execution, Setup
from fabula.runs.folders import check_out
from fabula.runs.planning import ChangePlan, Prepared, prepare
from fabula.runs.recorder import Listener
from fabula.runs.records.carrying import Replayed, export_run, replay_run
from fabula.runs.result import RunResult, result_of
from fabula.runs.taking import take, worker_name
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.events import Event
from fabula.store.ledger import totals
from fabula.store.runs import Copied, NewRun, RunRow, get_run, insert_run, list_runs, want_cancel
from fabula.store.tables import NANO

__all__ = ["Runner", "merge_flags", "new_run_id", "resume", "run"]


class Runner:
    """Executes runs of one `FABULA_HOME` in this process.

    `products` are further products by name; `providers` stand in for the adapters of the providers
    they are named after; `hook` is awaited at the named fault points; `listener` is told of each
    event once it is stored; `execution` is a door's own way of driving a run's graph; `store` is
    one that is open already and stays so.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        products: Mapping[str, Product] | None = None,
        providers: Mapping[str, ChatProvider] | None = None,
        hook: Hook = no_hook,
        listener: Listener | None = None,
        execution: Callable[..., Execution] = Execution,
        store: Store | None = None,
    ) -> None:
        self.settings = settings or Settings.load()
        self._products = products or {}
        self._providers = providers or {}
        self._hook = hook
        self._listener = listener
        self._execution = execution
        self._store = store

    async def run(
        self,
        product_name: str,
        brief: Brief,
        *,
        flags: Mapping[str, Any] | None = None,
        profile: str | None = None,
        budget: float | None = None,
        out: str | Path | None = None,
        replace: Replacements | None = None,
        timeout_s: float | None = None,
        project: str = "default",
        door: str = "library",
        run_id: str | None = None,
    ) -> RunResult:
        """Validate the brief, execute the run and return how it ended.

        `brief` is the product's brief, its fields, or the path of a YAML or JSON file; `budget` is
        in USD; `out` is the folder to publish into; `replace` puts nodes in place by their names.
        Raises BadInput before anything is written when one of these is wrong.
        """
        made = self._product(product_name)
        replace = dict(replace or {})
        await asyncio.to_thread(check_out, out, made)
        asked = await ask_run(
            self.settings,
            made,
            brief,
            flags=flags,
            profile=profile,
            budget=budget,
            out=out,
            replace=replace,
            timeout_s=timeout_s,
            row={"project": project, "door": door, "id": run_id or new_run_id()},
        )
        async with self._open() as setup:
            estimated = await asked.estimated(setup.store)
            return await self._start(
                setup,
                made,
                asked.new,
                asked.brief,
                replace=replace,
                estimated=estimated,
                why=asked.why,
            )

    async def plan_change(
        self,
        parent: str,
        change: str,
        request: BaseModel | Mapping[str, Any],
        *,
        flags: Mapping[str, Any] | None = None,
        profile: str | None = None,
    ) -> ChangePlan:
        """Say what a change of a finished run would do and cost at most; nothing is written.

        Raises BadInput where the run cannot be changed so.
        """
        given: Any = {"flags": flags, "profile": profile}
        async with self._open() as setup:
            row = await get_run(setup.store, parent)
            return (await self._prepared(setup, row, change, request, **given)).plan

    async def change(
        self,
        parent: str,
        change: str,
        request: BaseModel | Mapping[str, Any],
        *,
        flags: Mapping[str, Any] | None = None,
        profile: str | None = None,
        budget: float | None = None,
        out: str | Path | None = None,
        replace: Replacements | None = None,
        timeout_s: float | None = None,
        door: str = "library",
        run_id: str | None = None,
    ) -> RunResult:
        """Change a finished run: a new run that starts from its documents and pays for the rest.

        `change` is one of the product's, `request` its fields; flags and profile are the parent's
        where they are not given. `plan_change` says before what it may cost.
        """
        replace, run_id = dict(replace or {}), run_id or new_run_id()
        async with self._open() as setup:
            row = await get_run(setup.store, parent)
            prepared = await self._prepared(
                setup, row, change, request, flags=flags, profile=profile
            )
            made = self._product(row.product)
            await asyncio.to_thread(check_out, out, made, row)
            merged = merge_flags(made, {**row.flags, **(flags or {})}, self.settings)
            await asyncio.to_thread(made.check, merged, replace, change)
            new = NewRun(
                id=run_id,
                project=row.project,
                product=made.name,
                door=door,
                flags=merged.model_dump(mode="json"),
                replaced=sorted(replace),
                profile=prepared.plan.profile,
                out=str(await asyncio.to_thread(out_folder, self.settings, out, run_id)),
                budget=nano(budget),
                timeout_s=positive("timeout_s", timeout_s),
                parent=row.id,
                change=prepared.row(),
            )
            copied = Copied(row.id, prepared.start.documents, prepared.start.artifacts)
            return await self._start(
                setup,
                made,
                new,
                prepared.brief,
                replace=replace,
                copied=copied,
                estimated=(Event(ESTIMATED, note=prepared.plan.estimate.as_json()),),
            )

    async def resume(
        self,
        run_id: str,
        *,
        budget: float | None = None,
        replace: Replacements | None = None,
    ) -> RunResult:
        """Go on with a run from where it stands, paying for nothing a second time.

        Waits for the lease of a process that died to end. `budget` (USD) replaces the run's.
        Raises BadInput when the run is finished, is alive elsewhere, failed at a gate, or was
        started with replaced nodes that `replace` does not bring.
        """
        replace = dict(replace or {})
        async with self._open() as setup:
            row = await get_run(setup.store, run_id)
            check_resumable(row, replace)
            made = await self._checked(row, replace)
            grant = (row.reason or {}).get("item") if row.code == "rejected" else None
            # Answers of a person that a crash kept from being taken in.
            answers = (row.reason or {}).get("answers")
            reason = {"answers": answers} if answers else None
            lease_s = self.settings.lease_s
            epoch = await take(
                setup.store, run_id, lease_s, budget=nano(budget), grant=grant, reason=reason
            )
            sums = await totals(setup.store, run_id)
            note: dict[str, Any] = {"epoch": epoch, "in_doubt_calls": sums.doubtful_calls}
            note["in_doubt"] = sums.in_doubt / NANO
            if grant:
                note["granted"] = grant
            opening = Event("run.resumed", status="running", note=note)
            # What it says of the last end; the fence is the new epoch's.
            end = await self._execution(setup, row, epoch, made, replace, answers=answers).run(
                opening
            )
            return await self._ended(setup, run_id, made, replace, end)

    async def decide(
        self,
        run_id: str,
        answer: BaseModel | Mapping[str, Any],
        *,
        ask: str | None = None,
        replace: Replacements | None = None,
    ) -> RunResult:
        """Answer what a waiting run asks and let it go on.

        `ask` is the question's name or id, needed where the run asks several. Raises BadInput
        where nothing is asked or the answer is not what was asked for; the run goes on waiting.
        """
        replace = dict(replace or {})
        async with self._open() as setup:
            row = await get_run(setup.store, run_id)
            made = await self._checked(row, replace)
            check_replaced(row, replace)
            asked = open_ask(row, ask)
            answers = {asked["id"]: checked_answer(made, asked, answer)}
            lease_s = self.settings.lease_s
            epoch = await take(setup.store, run_id, lease_s, reason={"answers": answers})
            note = {"epoch": epoch, "ask": asked["name"], "answer": answers[asked["id"]]}
            opening = Event("run.decided", status="running", note=note)
            end = await self._execution(setup, row, epoch, made, replace, answers=answers).run(
                opening
            )
            return await self._ended(setup, run_id, made, replace, end)

    async def export(self, run_id: str, file: str | Path) -> Path:
        """Write a run as one archive that `replay` takes on any machine; return its path."""
        async with self.store() as store:
            return await export_run(store, self.settings, self._product, run_id, Path(file))

    async def replay(
        self,
        source: str | Path,
        *,
        out: str | Path | None = None,
        replace: Replacements | None = None,
        digest: str | None = None,
    ) -> Replayed:
        """Run a run, or an archive's file, again from its record into `out`; nothing is paid.

        Raises ReplayMiss for a question that was never paid for, BadInput for another `digest`.
        """
        given: Any = {"out": out, "replace": replace, "digest": digest}
        return await replay_run(self.settings, self._product, source, **given)

    async def cancel(self, run_id: str) -> RunResult:
        """Ask a run to stop; one that nobody executes is cancelled at once."""
        async with self._open() as setup:
            await want_cancel(setup.store, run_id)
            return await self._look(setup.store, run_id)

    async def show(self, run_id: str) -> RunResult:
        """Return how a run stands."""
        async with self._open() as setup:
            return await self._look(setup.store, run_id)

    async def runs(self, limit: int = 50) -> list[RunResult]:
        """Return the newest runs first."""
        async with self._open() as setup:
            rows = await list_runs(setup.store, limit)
            return [await self._look(setup.store, row.id) for row in rows]

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """Open the store of these settings, for reading reports."""
        if self._store:
            yield self._store
            return
        store = await Store.open(self.settings)
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Setup]:
        async with self.store() as store:
            yield Setup(self.settings, store, self._hook, self._providers, self._listener)

    async def _start(
        self,
        setup: Setup,
        made: Product,
        new: NewRun,
        brief: Document,
        *,
        replace: Replacements,
        copied: Copied | None = None,
        estimated: Sequence[Event] = (),
        why: Mapping[str, Any] | None = None,
    ) -> RunResult:
        store, lease_s = setup.store, self.settings.lease_s
        epoch = await insert_run(store, new, brief, worker_name(), lease_s, copied=copied)
        note: dict[str, Any] = {"product": made.name, **(why or {})}
        if new.change:
            told = ("name", "request", "copied")
            note |= {"parent": new.parent, "change": {key: new.change[key] for key in told}}
        opening = Event("run.started", status="running", note=note)
        row = await get_run(store, new.id)
        end = await self._execution(setup, row, epoch, made, replace).run(opening, *estimated)
        return await self._ended(setup, new.id, made, replace, end)

    async def _ended(
        self, setup: Setup, run_id: str, made: Product, replace: Replacements, end: End
    ) -> RunResult:
        while end.more:
            epoch = await take(setup.store, run_id, self.settings.lease_s, next_part=True)
            row = await get_run(setup.store, run_id)
            opening = Event("run.resumed", status="running", note={"part": row.part})
            end = await self._execution(setup, row, epoch, made, replace).run(opening)
        return await result_of(setup.store, run_id, made, end)

    async def _prepared(
        self,
        setup: Setup,
        row: RunRow,
        change: str,
        request: BaseModel | Mapping[str, Any],
        *,
        flags: Mapping[str, Any] | None,
        profile: str | None,
    ) -> Prepared:
        made = self._product(row.product)
        merged = merge_flags(made, {**row.flags, **(flags or {})}, self.settings)
        chosen = profile or row.profile
        models = await asyncio.to_thread(Models, self.settings, chosen, keys=False)
        return await prepare(setup.store, made, row, change, request, flags=merged, models=models)

    async def _checked(self, row: RunRow, replace: Replacements) -> Product:
        made = self._product(row.product)
        flags = made.flags.model_validate(row.flags)
        change = row.change["name"] if row.change else None
        await asyncio.to_thread(made.check, flags, replace, change)
        return made

    def _product(self, name: str) -> Product:
        return self._products[name] if name in self._products else product(name)

    async def _look(self, store: Store, run_id: str) -> RunResult:
        row = await get_run(store, run_id)
        end = End(row.status, row.code, row.reason or {}, row.result, row.outcome)
        known = row.product in self._products or row.product in PRODUCTS
        # A run of a product that only another program knows is listed, without its document.
        made = self._product(row.product) if known else None
        return await result_of(store, run_id, made, end)


async def run(product: str, brief: Brief, **options: Any) -> RunResult:
    """Run a product with the settings of the environment; options as in `Runner.run`."""
    return await Runner().run(product, brief, **options)


async def resume(run_id: str, **options: Any) -> RunResult:
    """Go on with a run; options as in `Runner.resume`."""
    return await Runner().resume(run_id, **options)
