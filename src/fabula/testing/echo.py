"""A small product of three steps, for tests of runs, doors and workers: plan, write, finish."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from pydantic import Field

from fabula.documents import Document, Strict
from fabula.errors import Rejected
from fabula.gateway import prompts
from fabula.gateway.agent import Agent
from fabula.gateway.forecast import ExpectedCall
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.structured import narrow
from fabula.nodes import Replacements
from fabula.nodes.fan_out import Carried, fan_out
from fabula.nodes.services import Services, Update
from fabula.nodes.slot import Slot, Slots, merge_slots, open_slot, slots_of
from fabula.products import Product

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

PROMPTS = Path(__file__).parent / "prompts"


class EchoBrief(Document):
    text: str = Field(min_length=1)
    count: int = Field(default=3, ge=1, le=1000)


class EchoFlags(Strict):
    writers: int = Field(default=3, ge=1, le=64)
    fallback_models: tuple[str, ...] = ()


class EchoPlan(Strict):
    title: str


class EchoAnswer(Strict):
    text: str


class EchoText(Document):
    item: str
    text: str
    reason: str | None = None


class EchoResult(Document):
    status: str
    title: str
    texts: tuple[str, ...]


class EchoState(TypedDict, total=False):
    brief: str
    title: str
    items: Annotated[Slots, merge_slots]
    result: str


PLAN = Agent("echo.plan", str(PROMPTS / "echo_plan"), EchoPlan)
WRITE = Agent("echo.write", str(PROMPTS / "echo_write"), EchoAnswer)


def build(
    services: Services,
    flags: EchoFlags,  # noqa: ARG001 - every product's graph is built with its flags
    *,
    replace: Replacements = MappingProxyType({}),
) -> StateGraph[Any, Any, Any, Any]:
    """Build plan → write (a fan-out) → finish."""
    from langgraph.graph import END, START, StateGraph

    async def plan(state: EchoState) -> Update:
        brief = await services.documents.get(EchoBrief, state["brief"])
        variables = {"count": brief.count, "text": brief.text}
        made = await services.agents.call(PLAN, variables, item="plan")
        if isinstance(made, Rejected):
            raise made
        slots = [open_slot("write", str(n), state["brief"]) for n in range(1, brief.count + 1)]
        return {"title": made.title[:80], "items": {slot["id"]: slot for slot in slots}}

    async def write(slot: Slot, carried: Carried) -> str | Rejected:
        brief = await services.documents.get(EchoBrief, carried["brief"])
        variables = {"item": slot["id"], "text": brief.text}
        made = await services.agents.call(
            WRITE, variables, item=slot["id"], attempt=slot["attempt"]
        )
        if isinstance(made, Rejected):
            return made
        return await services.documents.put(EchoText(item=slot["id"], text=made.text))

    async def judge(slot: Slot, carried: Carried) -> str | None:  # noqa: ARG001
        text = await services.documents.get(EchoText, slot["document"] or "")
        return None if text.text.strip() else "the text is empty"

    async def placeholder(slot: Slot) -> str:
        text = EchoText(item=slot["id"], text="", reason=slot["reason"])
        return await services.documents.put(text)

    async def finish(state: EchoState) -> Update:
        slots = slots_of(state["items"], "write")
        ids = [slot["document"] or "" for slot in slots]
        texts = [(await services.documents.get(EchoText, id_)).text for id_ in ids]
        degraded = any(slot["status"] == "placeholder" for slot in slots)
        result = EchoResult(
            status="degraded" if degraded else "complete",
            title=state["title"],
            texts=tuple(texts),
        )
        body = json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=2).encode()
        artifact = await services.artifacts.put("result.json", body, "application/json")
        await services.publisher.publish([(artifact, body)])
        return {"result": await services.documents.put(result)}

    graph = StateGraph(EchoState)
    graph.add_node("plan", replace.get("plan", plan))
    graph.add_node("finish", replace.get("finish", finish))
    graph.add_edge(START, "plan")
    fan_out(
        graph,
        verb="write",
        validator="validate",
        make=write,
        judge=judge,
        placeholder=placeholder,
        after="plan",
        then="finish",
        carry=("brief",),
    )
    graph.add_edge("finish", END)
    return graph


async def forecast(brief: EchoBrief, flags: EchoFlags) -> list[ExpectedCall]:  # noqa: ARG001
    """Return the plan's call and one for each text."""
    plan = _tokens(PLAN, {"count": brief.count, "text": brief.text})
    items = [f"write/{number}" for number in range(1, brief.count + 1)]
    write = [_tokens(WRITE, {"item": item, "text": brief.text}) for item in items]
    calls = [ExpectedCall(PLAN.name, "plan", plan, plan, output_tokens=10)]
    return calls + [
        ExpectedCall(WRITE.name, item, tokens, tokens, output_tokens=10)
        for item, tokens in zip(items, write, strict=True)
    ]


def _tokens(agent: Agent[Any], variables: dict[str, object]) -> int:
    return estimate_tokens(prompts.render(agent.prompt, variables), narrow(agent.output, {}, {}))


ECHO = Product(
    name="echo",
    brief=EchoBrief,
    result=EchoResult,
    flags=EchoFlags,
    build=build,
    agents=(PLAN, WRITE),
    limits=lambda flags: {"write": flags.writers},
    recipes=dict,
    fingerprint=lambda brief: brief.model_dump(mode="json"),
    forecast=forecast,
    publishes=("result.json",),
    example=lambda: {"text": "가을 산책", "count": 2},
)
