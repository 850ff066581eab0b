"""LangGraph Studio's door: each product's graph as `langgraph dev` serves it, one run a thread."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from fabula.documents import Document
from fabula.errors import BadInput, FabulaError
from fabula.nodes import Update
from fabula.nodes.services import refusing_services
from fabula.products import Product, product
from fabula.runs.checks import merge_flags, read_brief
from fabula.runs.ends import End
from fabula.runs.execution import RECURSION_LIMIT, Execution
from fabula.runs.result import RunResult
from fabula.runs.runner import Runner
from fabula.settings import Settings
from fabula.store.events import Event
from fabula.store.runs import RunRow, find_run

DOOR = "studio"
OPTIONS: Mapping[str, type] = {"profile": str, "budget": float, "timeout_s": float}
"""What a run may be told besides its product's flags; `budget` is in USD."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,55}")


def magazine(config: RunnableConfig) -> Any:
    """Return the magazine's graph for the thread that `config` names, not compiled.

    Its input is `{"brief": …}`, a MagazineBrief's fields; flags and options are its context. It is
    built for every look at a thread, so nothing is opened before its node runs.
    """
    return _graph(product("magazine"), config)


def run_id_of(thread: str) -> str:
    """Return the id of a thread's run."""
    plain = thread if _PLAIN.fullmatch(thread) else hashlib.sha256(thread.encode()).hexdigest()[:32]
    return f"{DOOR}-{plain}"


def _graph(made: Product, config: RunnableConfig) -> Any:
    given = config.get("configurable") or {}
    thread = given.get("thread_id")
    chosen = {
        name: given[name]
        for name in (*made.flags.model_fields, *OPTIONS)
        if given.get(name) is not None
    }
    visit = _Visit(made, str(thread) if thread else None, chosen)
    drawn = made.build(refusing_services(), visit.flags_to_draw()).compile()

    async def run(state: Any, config: RunnableConfig) -> Update:
        # Naming the drawn graph here is how LangGraph finds the steps inside this one.
        _ = drawn
        return await visit.go_on(state.get("brief"), config)

    asked, answered, whole, context = _schemas(made)
    graph: Any = StateGraph(
        whole, input_schema=asked, output_schema=answered, context_schema=context
    )
    graph.add_node(made.name, run)
    graph.add_edge(START, made.name)
    graph.add_edge(made.name, END)
    return graph


class _Visit:
    """One look at a thread, and where its node runs, one invocation of the thread's run."""

    def __init__(self, made: Product, thread: str | None, chosen: Mapping[str, Any]) -> None:
        self._made = made
        self._thread = thread
        self._flags = {name: chosen[name] for name in chosen if name not in OPTIONS}
        self._options = {name: chosen[name] for name in chosen if name in OPTIONS}

    def flags_to_draw(self) -> Any:
        try:
            return merge_flags(self._made, self._flags, Settings())
        except BadInput:
            # A drawing is no place to complain: the run itself refuses them.
            return self._made.flags()

    async def go_on(self, given: Any, config: RunnableConfig) -> Update:
        """Start the thread's run or go on with it; return what it made."""
        try:
            settings = await asyncio.to_thread(Settings.load)
            runner = Runner(settings, execution=partial(_Hosted, config=config))
            result = await self._result(runner, given)
            if result.error:
                raise result.error
        except FabulaError as error:
            raise _shown(error) from error
        document = result.document
        return {
            "run": result.run_id,
            "status": result.status,
            "result": document.model_dump(mode="json") if document else None,
            "files": {one.name: one.hash for one in result.artifacts},
            "cost": result.cost,
        }

    async def _result(self, runner: Runner, given: Any) -> RunResult:
        if self._thread is None:
            raise BadInput("thread", "a run needs a thread", "실행하려면 스레드가 필요합니다")
        brief = await asyncio.to_thread(read_brief, self._made, given)
        run_id = run_id_of(self._thread)
        async with runner.store() as store:
            row = await find_run(store, run_id)
        if row is None:
            return await runner.run(
                self._made.name,
                brief,
                flags=self._flags,
                door=DOOR,
                run_id=run_id,
                **self._options,
            )
        self._refuse_another(row, brief)
        if row.status == "succeeded":
            return await runner.show(run_id)
        return await runner.resume(run_id, budget=self._options.get("budget"))

    def _refuse_another(self, row: RunRow, brief: Document) -> None:
        flags = merge_flags(self._made, {**row.flags, **self._flags}, Settings())
        same = {
            "brief": row.brief == brief.id and row.product == self._made.name,
            "flags": row.flags == flags.model_dump(mode="json"),
            "profile": self._options.get("profile", row.profile) == row.profile,
        }
        for field, unchanged in same.items():
            if not unchanged:
                raise BadInput(
                    field,
                    f"this thread belongs to the run `{row.id}`, which has another {field}: "
                    "start a new thread",
                    f"이 스레드는 `{row.id}` 실행의 것이고 {field} 값이 다릅니다. "
                    "새 스레드를 시작하세요",
                )


class _Hosted(Execution):
    """An execution whose graph runs inside the server's: its checkpoints and events are theirs."""

    def __init__(self, *given: Any, config: RunnableConfig, **named: Any) -> None:
        super().__init__(*given, **named)
        self._config = config

    async def _graph_run(self, stored: list[Event]) -> End:  # noqa: ARG002
        services, gateway = await self._services()
        graph = self._product.graph(services, self._flags(), self._replace, self._change)
        config: RunnableConfig = {**self._config, "recursion_limit": RECURSION_LIMIT}
        try:
            state = await graph.compile().ainvoke(
                {"brief": self._row.brief}, config, durability="sync"
            )
            return await self._finish(services, gateway, str(state["result"]))
        finally:
            await gateway.settle()


def _shown(error: FabulaError) -> Exception:
    # The server shows an error's name and text, and hides the text of every type that is not one
    # of Python's own: this is the same error, and a RuntimeError too.
    kind: Any = type(type(error).__name__, (type(error), RuntimeError), {})
    shown: Exception = kind.__new__(kind)
    vars(shown).update(vars(error))
    shown.args = (f"{error.ko} ({error.en})" if error.ko != error.en else error.en,)
    return shown


def _schemas(made: Product) -> tuple[Any, Any, Any, Any]:
    # Made for each product; pydantic writes the JSON schemas that Studio asks for.
    make: Any = TypedDict
    title = made.name.title()
    asked = {"brief": made.brief}
    answered = {
        "run": str,
        "status": str,
        "result": made.result,
        "files": dict[str, str],
        "cost": float,
    }
    flags = {name: field.annotation for name, field in made.flags.model_fields.items()}
    return (
        make(f"{title}Input", asked),
        make(f"{title}Output", answered),
        make(f"{title}State", {**asked, **answered}, total=False),
        make(f"{title}Context", {**flags, **OPTIONS}, total=False),
    )


# The server looks at graphs on its event loop, where loading what they need is not allowed.
product("magazine").check(product("magazine").flags(), {})
