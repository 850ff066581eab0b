"""LangChain tools for a chat agent: change a finished magazine, paying only for what changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, Field

from fabula.errors import FabulaError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from fabula.runs import ChangePlan, Runner, RunResult


FIRST = (
    "먼저 confirm 없이 불러 할 일과 값을 사람에게 보이세요. Call it without confirm first and show "
    "the person what it does and costs."
)
CONFIRM = (
    "false: 아무것도 쓰지 않고 할 일과 값만 답함. 사람이 동의한 뒤에만 true / false only answers "
    "what it would do and cost; true, once a person agreed, does it and pays"
)


class ChangeTemplateArgs(BaseModel):
    """What `change_template` is called with."""

    run_id: str = Field(description="바꿀 매거진의 실행 번호 / id of the finished run")
    template_id: str = Field(
        description="새 템플릿: editorial-deep, shopping-guide, pinterest-board / the new template"
    )
    confirm: bool = Field(default=False, description=CONFIRM)


class RewriteSectionArgs(BaseModel):
    """What `rewrite_section` is called with."""

    run_id: str = Field(description="바꿀 매거진의 실행 번호 / id of the finished run")
    section_id: str = Field(description="다시 쓸 섹션: s1, s2, … / the section to write anew")
    note: str | None = Field(
        default=None, description="어떻게 바꿀지, 독자의 말로 / what the reader wants of it"
    )
    confirm: bool = Field(default=False, description=CONFIRM)


def change_tools(runner: Runner, *, budget: float | None = None) -> tuple[BaseTool, BaseTool]:
    """Make the tools `change_template` and `rewrite_section`, which execute with this runner.

    Each answers JSON. Without `confirm` nothing is started: `status` is `planned`, with what it
    would do (`does`), `expected` and `at_most` in USD, `calls`, `calls_most` and `budget`. With
    `confirm` it is done: `run_id` of the new run, `parent`, `status`, `outcome`, `cost` in USD,
    `calls`, `kept` (ids of the documents taken over), `refused` (sections that keep their old text
    because no new one passed, with the reason), `out`. A refusal is JSON too, with `status`
    `refused`, its `code`, `field` and `message`: the agent can put it right. `budget` is the most
    that one change may cost, in USD; the plan's upper bound where it is not given.
    """
    from langchain_core.tools import StructuredTool

    async def change_template(
        run_id: str,
        template_id: str,
        confirm: bool = False,
    ) -> str:
        asked = _Asked(run_id, "change_template", {"template_id": template_id})
        return await _answered(runner, asked, budget, confirm=confirm)

    async def rewrite_section(
        run_id: str,
        section_id: str,
        note: str | None = None,
        confirm: bool = False,
    ) -> str:
        asked = _Asked(run_id, "rewrite", {"section_id": section_id, "note": note})
        return await _answered(runner, asked, budget, confirm=confirm)

    return (
        StructuredTool.from_function(
            coroutine=change_template,
            name="change_template",
            description=(
                "완성된 매거진을 다른 템플릿으로 다시 구성합니다. 새 템플릿에서도 규칙에 맞는 "
                "섹션은 그대로 두고 나머지만 새로 씁니다. Plan a finished magazine again in "
                "another template; sections that still hold are kept. "
                f"{FIRST}"
            ),
            args_schema=ChangeTemplateArgs,
        ),
        StructuredTool.from_function(
            coroutine=rewrite_section,
            name="rewrite_section",
            description=(
                "완성된 매거진에서 섹션 하나만 새로 씁니다. Write one section of a finished "
                "magazine anew; everything else stays. "
                f"{FIRST}"
            ),
            args_schema=RewriteSectionArgs,
        ),
    )


class _Asked(NamedTuple):
    """A change as an agent asks for it."""

    run_id: str
    change: str
    request: Mapping[str, Any]


async def _answered(runner: Runner, asked: _Asked, budget: float | None, *, confirm: bool) -> str:
    try:
        plan = await runner.plan_change(*asked)
        # What costs nothing at most needs no bound, and a budget of nothing is none.
        most = budget or plan.estimate.cost_most or None
        if confirm:
            result = await runner.change(*asked, budget=most, door="tool")
            told = {**_told(result), "refused": await _refused(runner, result.run_id)}
        else:
            told = _planned(plan, most)
    except FabulaError as error:
        told = {
            "status": "refused",
            "code": error.code,
            "field": getattr(error, "field", None),
            "message": {"en": error.en, "ko": error.ko},
        }
    return json.dumps(told, ensure_ascii=False)


async def _refused(runner: Runner, run_id: str) -> list[dict[str, Any]]:
    """Return which sections kept their old text because no new one passed, and why."""
    from fabula.store.events import list_events

    async with runner.store() as store:
        events = await list_events(store, run_id)
    return [
        {"item": one.item, "reason": one.note.get("reason")}
        for one in events
        if one.type == "rewrite_refused"
    ]


def _planned(plan: ChangePlan, budget: float | None) -> dict[str, Any]:
    made = plan.estimate
    en, ko = plan.does
    return {
        "status": "planned",
        "parent": plan.parent,
        "change": plan.change,
        "does": {"en": en, "ko": ko},
        "calls": made.calls,
        "calls_most": made.calls_most,
        "expected": made.cost,
        "at_most": made.cost_most,
        "budget": budget,
        "message": {
            "en": f"nothing was started. It {en}. Expected {made.cost:.6f} USD, at most "
            f"{made.cost_most:.6f}. Ask the person; call again with confirm=true to do it",
            "ko": f"아직 시작하지 않았습니다. {ko}. 예상 {made.cost:.6f}달러, 많아야 "
            f"{made.cost_most:.6f}달러입니다. 사람에게 묻고, 하려면 confirm=true로 다시 부르세요",
        },
    }


def _told(result: RunResult) -> dict[str, Any]:
    names = ("run_id", "parent", "change", "status", "outcome", "code", "message", "out")
    told = {name: value for name, value in result.as_json().items() if name in names}
    return {**told, "cost": result.cost, "calls": result.calls, "kept": list(result.kept)}
