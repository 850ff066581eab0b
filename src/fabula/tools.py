"""LangChain tools for a chat agent: change a finished magazine, paying only for what changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from fabula.errors import FabulaError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from fabula.runs import Runner, RunResult


class ChangeTemplateArgs(BaseModel):
    """What `change_template` is called with."""

    run_id: str = Field(description="바꿀 매거진의 실행 번호 / id of the finished run")
    template_id: str = Field(
        description="새 템플릿: editorial-deep, shopping-guide, pinterest-board / the new template"
    )


class RewriteSectionArgs(BaseModel):
    """What `rewrite_section` is called with."""

    run_id: str = Field(description="바꿀 매거진의 실행 번호 / id of the finished run")
    section_id: str = Field(description="다시 쓸 섹션: s1, s2, … / the section to write anew")
    note: str | None = Field(
        default=None, description="어떻게 바꿀지, 독자의 말로 / what the reader wants of it"
    )


def change_tools(runner: Runner, *, budget: float | None = None) -> tuple[BaseTool, BaseTool]:
    """Make the tools `change_template` and `rewrite_section`, which execute with this runner.

    Each answers JSON: `run_id` of the new run, `parent`, `status`, `outcome`, `cost` in USD,
    `calls`, `kept` (ids of the documents taken over), `out`. A refusal is JSON too, with `status`
    `refused`, its `code`, `field` and `message`: the agent can put it right. `budget` is the most
    that one change may cost, in USD.
    """
    from langchain_core.tools import StructuredTool

    async def change_template(run_id: str, template_id: str) -> str:
        return await _changed(
            runner, run_id, "change_template", {"template_id": template_id}, budget
        )

    async def rewrite_section(run_id: str, section_id: str, note: str | None = None) -> str:
        request = {"section_id": section_id, "note": note}
        return await _changed(runner, run_id, "rewrite", request, budget)

    return (
        StructuredTool.from_function(
            coroutine=change_template,
            name="change_template",
            description=(
                "완성된 매거진을 다른 템플릿으로 다시 구성합니다. 새 템플릿에서도 규칙에 맞는 "
                "섹션은 그대로 두고 나머지만 새로 씁니다. Plan a finished magazine again in "
                "another template; sections that still hold are kept."
            ),
            args_schema=ChangeTemplateArgs,
        ),
        StructuredTool.from_function(
            coroutine=rewrite_section,
            name="rewrite_section",
            description=(
                "완성된 매거진에서 섹션 하나만 새로 씁니다. Write one section of a finished "
                "magazine anew; everything else stays."
            ),
            args_schema=RewriteSectionArgs,
        ),
    )


async def _changed(
    runner: Runner,
    run_id: str,
    change: str,
    request: Mapping[str, Any],
    budget: float | None,
) -> str:
    try:
        told = _told(await runner.change(run_id, change, request, budget=budget, door="tool"))
    except FabulaError as error:
        told = {
            "status": "refused",
            "code": error.code,
            "field": getattr(error, "field", None),
            "message": {"en": error.en, "ko": error.ko},
        }
    return json.dumps(told, ensure_ascii=False)


def _told(result: RunResult) -> dict[str, Any]:
    names = ("run_id", "parent", "change", "status", "outcome", "code", "message", "out")
    told = {name: value for name, value in result.as_json().items() if name in names}
    return {**told, "cost": result.cost, "calls": result.calls, "kept": list(result.kept)}
