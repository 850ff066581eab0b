"""Run, resume, cancel and look at runs: the library's door."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from fabula.documents import Document
from fabula.errors import BadInput
from fabula.gateway.faults import Hook, no_hook
from fabula.gateway.models import Models
from fabula.gateway.provider import ChatProvider
from fabula.nodes import Replacements
from fabula.products import Product, product
from fabula.runs.execution import End, Execution, Setup
from fabula.runs.recorder import Listener
from fabula.runs.result import RunResult
from fabula.settings import Settings, flag_environment
from fabula.store.documents import StoredDocuments, list_artifacts
from fabula.store.engine import Fence, Store
from fabula.store.events import Event
from fabula.store.ledger import totals
from fabula.store.runs import (
    NewRun,
    RunRow,
    get_run,
    insert_run,
    lease_left,
    list_runs,
    take_run,
    want_cancel,
)
from fabula.store.tables import NANO

MOST_USD_OR_SECONDS = 1e9
Brief = Document | Mapping[str, Any] | str | Path


class Runner:
    """Executes runs of one `FABULA_HOME` in this process.

    `products` are further products by name; `providers` stand in for the adapters of the providers
    they are named after; `hook` is awaited at the named fault points; `listener` is told of each
    event once it is stored.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        products: Mapping[str, Product] | None = None,
        providers: Mapping[str, ChatProvider] | None = None,
        hook: Hook = no_hook,
        listener: Listener | None = None,
    ) -> None:
        self.settings = settings or Settings.load()
        self._products = products or {}
        self._providers = providers or {}
        self._hook = hook
        self._listener = listener

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
        profile = profile or self.settings.profile
        Models(self.settings, profile)
        document = await asyncio.to_thread(_read_brief, made, brief)
        merged = merge_flags(made, flags or {}, self.settings)
        await asyncio.to_thread(made.check, merged, replace)
        run_id = run_id or new_run_id()
        new = NewRun(
            id=run_id,
            project=project,
            product=made.name,
            door=door,
            flags=merged.model_dump(mode="json"),
            replaced=sorted(replace),
            profile=profile,
            out=str(self._out_folder(out, run_id)),
            budget=_nano(budget),
            timeout_s=_positive("timeout_s", timeout_s),
        )
        async with self._open() as setup:
            lease_s = self.settings.lease_s
            epoch = await insert_run(setup.store, new, document, _owner(), lease_s)
            row = await get_run(setup.store, run_id)
            opening = Event("run.started", status="running", note={"product": made.name})
            end = await Execution(setup, row, epoch, made, replace).run(opening)
            return await _result(setup.store, run_id, made, end)

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
            made = self._product(row.product)
            _check_resumable(row, replace)
            flags = made.flags.model_validate(row.flags)
            await asyncio.to_thread(made.check, flags, replace)
            grant = (row.reason or {}).get("item") if row.code == "rejected" else None
            epoch = await self._take(setup.store, run_id, _nano(budget), grant)
            sums = await totals(setup.store, run_id)
            note: dict[str, Any] = {"epoch": epoch, "in_doubt_calls": sums.doubtful_calls}
            note["in_doubt"] = sums.in_doubt / NANO
            if grant:
                note["granted"] = grant
            opening = Event("run.resumed", status="running", note=note)
            # What it says of the last end; the fence is the new epoch's.
            end = await Execution(setup, row, epoch, made, replace).run(opening)
            return await _result(setup.store, run_id, made, end)

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
        store = await Store.open(self.settings)
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Setup]:
        async with self.store() as store:
            yield Setup(self.settings, store, self._hook, self._providers, self._listener)

    def _product(self, name: str) -> Product:
        return self._products[name] if name in self._products else product(name)

    async def _look(self, store: Store, run_id: str) -> RunResult:
        row = await get_run(store, run_id)
        end = End(row.status, row.code, row.reason or {}, row.result, row.outcome)
        return await _result(store, run_id, self._product(row.product), end)

    async def _take(self, store: Store, run_id: str, budget: int | None, grant: str | None) -> int:
        lease_s = self.settings.lease_s
        for _ in range(2):
            epoch = await take_run(
                store, run_id, owner=_owner(), lease_s=lease_s, budget=budget, grant=grant
            )
            if epoch is not None:
                return epoch
            # A dead owner's lease runs out; a living one's is renewed long before.
            await asyncio.sleep(max(await lease_left(store, run_id), 0) + 0.1)
        raise BadInput(
            "run",
            f"`{run_id}` is being executed by another process; cancel it first, or wait",
            f"`{run_id}`는 다른 프로세스가 실행하고 있습니다. 취소하거나 기다리세요",
        )

    def _out_folder(self, out: str | Path | None, run_id: str) -> Path:
        folder = Path(out) if out else self.settings.home / "published" / run_id
        if folder.exists() and not folder.is_dir():
            raise BadInput("out", f"{folder} is a file, wanted a folder", "폴더가 아닙니다")
        return folder.resolve()


async def run(product: str, brief: Brief, **options: Any) -> RunResult:
    """Run a product with the settings of the environment; options as in `Runner.run`."""
    return await Runner().run(product, brief, **options)


async def resume(run_id: str, **options: Any) -> RunResult:
    """Go on with a run; options as in `Runner.resume`."""
    return await Runner().resume(run_id, **options)


def new_run_id() -> str:
    """Make a run id: the day, and enough chance that no two meet."""
    return f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(5)}"


def merge_flags(made: Product, given: Mapping[str, Any], settings: Settings) -> BaseModel:
    """Merge flags: given over environment over YAML over default. BadInput names a wrong one."""
    names = {name: made.flag_aliases.get(name, ()) for name in made.flags.model_fields}
    values = {
        **settings.flags.get(made.name, {}),
        **flag_environment(made.name, names),
        **given,
    }
    try:
        return made.flags.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        known = ", ".join(names)
        raise BadInput(
            f"flags.{name}",
            f"got {str(first['input'])[:80]!r}: {first['msg']}; flags of {made.name}: {known}",
        ) from None


def _read_brief(made: Product, brief: Brief) -> Document:
    if isinstance(brief, str | Path):
        return made.load_brief(Path(brief))
    if isinstance(brief, made.brief):
        return brief
    if isinstance(brief, Mapping):
        return made.read_brief(brief, folder=Path.cwd())
    raise BadInput("brief", f"got {type(brief).__name__}, wanted {made.brief.__name__} or a file")


def _check_resumable(row: RunRow, replace: Replacements) -> None:
    if row.status == "succeeded":
        raise BadInput(
            "run",
            f"`{row.id}` has succeeded: there is nothing to resume",
            f"`{row.id}`는 이미 끝난 실행입니다",
        )
    if row.code == "gate_failed":
        raise BadInput(
            "run",
            f"`{row.id}` failed at a gate, which a second try cannot change: start a new run",
            f"`{row.id}`는 검사에서 멈췄습니다. 다시 해도 같으니 새 실행을 시작하세요",
        )
    if sorted(replace) != sorted(row.replaced):
        wanted = ", ".join(row.replaced) or "none"
        raise BadInput(
            "replace",
            f"the run was started with other replaced nodes (its own: {wanted}): bring the same",
            f"이 실행은 노드를 바꿔 시작했습니다({wanted}). 같은 노드를 넘겨 주세요",
        )


async def _result(store: Store, run_id: str, made: Product, end: End) -> RunResult:
    row = await get_run(store, run_id)
    sums = await totals(store, run_id)
    document = None
    if end.result:
        document = await StoredDocuments(store, Fence(run_id, row.epoch)).get(
            made.result, end.result
        )
    return RunResult(
        run_id=run_id,
        product=row.product,
        status=end.status,
        outcome=end.outcome,
        code=end.code,
        message={key: str(end.reason[key]) for key in ("en", "ko") if key in end.reason},
        cost=sums.usd,
        in_doubt=sums.in_doubt / NANO,
        calls=sums.calls,
        artifacts=tuple(await list_artifacts(store, run_id)),
        out=row.out,
        document=document,
        error=end.error,
    )


def _nano(budget: float | None) -> int | None:
    if _positive("budget", budget) is None:
        return None
    return int((budget or 0) * NANO)


def _positive(name: str, value: float | None) -> float | None:
    if value is not None and not 0 < value < MOST_USD_OR_SECONDS:
        raise BadInput(
            name,
            f"got {value:g}, wanted more than 0; leave it out for no limit",
            f"{value:g}은 쓸 수 없습니다. 0보다 커야 합니다. 제한이 없으면 빼 주세요",
        )
    return value


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
