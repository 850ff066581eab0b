"""Changes to a finished magazine: another template, one section written anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fabula.documents.magazine import (
    ChangeTemplate,
    MagazineOutline,
    MagazineResult,
    RewriteSection,
    SectionPlan,
    SourceSet,
    WrittenSection,
)
from fabula.errors import BadInput
from fabula.graphs.magazine.assemble import assemble_layout
from fabula.graphs.magazine.flags import MagazineFlags
from fabula.graphs.magazine.outline import plan_outline
from fabula.graphs.magazine.publish import publish
from fabula.graphs.magazine.reuse import (
    ChangeState,
    ExistingSection,
    existing_sections,
    reuse_sections,
)
from fabula.graphs.magazine.sections import (
    CARRIED,
    judge_section,
    placeholder_section,
    write_section,
)
from fabula.graphs.magazine.sources import PICTURES
from fabula.graphs.magazine.state import WRITE
from fabula.graphs.magazine.templates import TEMPLATE_REGISTRY
from fabula.graphs.magazine.thumbnail import generate_thumbnail
from fabula.korean.particles import attach
from fabula.nodes import (
    Carried,
    Parent,
    RememberedDocuments,
    Replacements,
    Services,
    Slot,
    Start,
    Steps,
    fan_out,
    open_slot,
)

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    Graph = StateGraph[ChangeState, None, ChangeState, ChangeState]

WRITING = (WRITE, "validate_sections")
FINISH = ("assemble_layout", "generate_thumbnail", "publish")
UNHAPPY = "독자가 이 섹션을 새로 써 달라고 했습니다. 다른 장면과 다른 짜임으로 다시 쓰세요."
"""What a writer is told where the reader gave no note."""


class Section(NamedTuple):
    """A finished section: its plan and copy, and their document ids."""

    plan_id: str
    plan: SectionPlan
    section_id: str
    section: WrittenSection


class Article(NamedTuple):
    """A finished article as its result names it."""

    result: MagazineResult
    sources: SourceSet
    outline: MagazineOutline
    sections: tuple[Section, ...]

    @property
    def documents(self) -> tuple[str, ...]:
        """Return every document that a change may start from."""
        own = [id_ for one in self.sections for id_ in (one.plan_id, one.section_id)]
        whole = [post.original for post in self.sources.posts if post.original]
        return (self.result.sources, *whole, self.result.outline, *own)


async def begin_template(parent: Parent, request: ChangeTemplate) -> Start:
    """Start from brief, sources and the written sections; nothing of the outline is kept."""
    from fabula.graphs.magazine.change_forecast import forecast_template

    article = await article_of(parent)
    wanted = request.template_id
    if wanted not in TEMPLATE_REGISTRY:
        listed = ", ".join(TEMPLATE_REGISTRY)
        raise BadInput(
            "template_id",
            f"`{wanted}` is no template; templates: {listed}",
            f"{attach(f'`{wanted}`', '이라는')} 템플릿은 없습니다. 있는 것: {listed}",
        )
    if wanted == article.outline.template_id:
        raise BadInput(
            "template_id",
            f"the article has the template `{wanted}` already: rewrite a section, or start a new "
            "run",
            f"이미 `{wanted}` 템플릿입니다. 섹션을 다시 쓰거나 새로 실행하세요",
        )
    state = {
        "brief": parent.brief,
        "sources": article.result.sources,
        "template_id": wanted,
        "existing": [
            {"plan": one.plan_id, "section": one.section_id}
            for one in article.sections
            if one.section.status == "written"
        ],
    }
    calls, passing = await forecast_template(parent, article, state)
    ready = ", ".join(passing) or "-"
    en = (
        f"plans again for `{wanted}`; keeps what the new plan takes up and its rules accept (now: "
        f"{ready}); writes the other sections"
    )
    ko = (
        f"`{wanted}`에 맞춰 다시 구성합니다. 새 구성에 남고 규칙에 맞는 섹션은 둡니다(지금 맞는 "
        f"섹션: {ready}). 나머지를 씁니다"
    )
    return Start(
        state=state,
        documents=article.documents,
        artifacts=_pictures(parent),
        calls=calls,
        does=(en, ko),
    )


async def begin_rewrite(parent: Parent, request: RewriteSection) -> Start:
    """Start with every slot settled but the one that is to be written."""
    from fabula.graphs.magazine.change_forecast import forecast_rewrite

    article = await article_of(parent)
    chosen = next(
        (one for one in article.sections if one.plan.section_id == request.section_id), None
    )
    if chosen is None:
        listed = ", ".join(f"{one.plan.section_id} ({one.plan.type})" for one in article.sections)
        raise BadInput(
            "section_id",
            f"`{request.section_id}` is no section of this article; its sections: {listed}",
            f"{attach(f'`{request.section_id}`', '이라는')} 섹션이 없습니다. 있는 것: {listed}",
        )
    note = " ".join((request.note or "").split()) or UNHAPPY
    slots = [_slot(one, anew=note if one is chosen else None) for one in article.sections]
    state: dict[str, Any] = {
        "brief": parent.brief,
        "sources": article.result.sources,
        "template_id": article.outline.template_id,
        "outline": article.result.outline,
        "items": {slot["id"]: slot for slot in slots},
    }
    if chosen.section.status == "written":
        state["existing"] = [{"plan": chosen.plan_id, "section": chosen.section_id}]
    name = f"{chosen.plan.section_id} ({chosen.plan.type})"
    return Start(
        state=state,
        documents=article.documents,
        artifacts=_pictures(parent),
        calls=await forecast_rewrite(parent, state, f"{WRITE}/{chosen.plan.section_id}"),
        does=(
            f"writes {name} anew; the other {len(slots) - 1} sections stay as they are",
            f"{name} 섹션만 새로 씁니다. 나머지 {len(slots) - 1}개 섹션은 그대로 둡니다",
        ),
    )


async def article_of(parent: Parent) -> Article:
    """Read what the parent's result names; BadInput for a result that names nothing."""
    result, read = parent.result, parent.documents.get
    if not isinstance(result, MagazineResult) or not result.outline:
        raise BadInput(
            "run",
            "was made by a version of fabula whose results cannot be changed: run its brief again",
            "바꿀 수 없는 옛 버전의 결과입니다. 요청서를 다시 실행하세요",
        )
    outline = await read(MagazineOutline, result.outline)
    sections = [
        Section(plan_id, await read(SectionPlan, plan_id), id_, await read(WrittenSection, id_))
        for plan_id, id_ in zip(outline.section_plans, result.sections, strict=True)
    ]
    return Article(result, await read(SourceSet, result.sources), outline, tuple(sections))


def build_template(
    services: Services, flags: MagazineFlags, *, replace: Replacements | None = None
) -> Graph:
    """Build plan_outline → validate_sections ⟲ write_section → the page.

    What is kept is judged before anything is written.
    """
    from langgraph.graph import START

    services = _remembering(services)
    steps = Steps(("plan_outline", *WRITING, *FINISH), services, replace or {})
    graph = _graph()
    own = reuse_sections(services, plan_outline(services, existing=existing_sections(services)))
    graph.add_node("plan_outline", steps.step("plan_outline", own))
    graph.add_edge(START, "plan_outline")
    _writing(graph, services, steps, after="plan_outline", judge_first=True)
    _finish(graph, services, steps, flags)
    return graph


def build_rewrite(
    services: Services, flags: MagazineFlags, *, replace: Replacements | None = None
) -> Graph:
    """Build write_section ⟲ validate_sections → the page.

    Where no attempt passes, the parent's text stays (notice `rewrite_refused`).
    """
    from langgraph.graph import START

    services = _remembering(services)
    steps = Steps((*WRITING, *FINISH), services, replace or {})
    graph = _graph()
    _writing(graph, services, steps, after=START, judge_first=False)
    _finish(graph, services, steps, flags)
    return graph


def _graph() -> Graph:
    from langgraph.graph import StateGraph

    return StateGraph(ChangeState)


def _remembering(services: Services) -> Services:
    return dataclasses.replace(services, documents=RememberedDocuments(services.documents))


def _writing(
    graph: Graph, services: Services, steps: Steps, *, after: str, judge_first: bool
) -> None:
    fan_out(
        graph,
        verb=WRITE,
        make=steps.step(WRITE, write_section(services)),
        validator="validate_sections",
        judge=steps.step("validate_sections", judge_section(services)),
        placeholder=placeholder_section(services),
        carry=CARRIED if judge_first else (*CARRIED, "existing"),
        after=after,
        then="assemble_layout",
        judge_first=judge_first,
        # Under another template the old text may break every rule: there it does not stay.
        keep=None if judge_first else _stays,
    )


async def _stays(slot: Slot, carried: Carried) -> str | None:
    found: list[ExistingSection] = carried.get("existing") or []
    return next((one["section"] for one in found if one["plan"] == slot["plan"]), None)


def _finish(graph: Graph, services: Services, steps: Steps, flags: MagazineFlags) -> None:
    from langgraph.graph import END

    own: Mapping[str, Any] = {
        "assemble_layout": assemble_layout(services),
        "generate_thumbnail": generate_thumbnail(services),
        "publish": publish(services, mode=flags.mode),
    }
    for name, then in zip(FINISH, (*FINISH[1:], END), strict=True):
        graph.add_node(name, steps.step(name, own[name]))
        graph.add_edge(name, then)


def _slot(one: Section, *, anew: str | None) -> Slot:
    slot = open_slot(WRITE, one.plan.section_id, one.plan_id)
    written = one.section.status == "written"
    if anew is not None:
        return {**slot, "reason": anew, "document": one.section_id if written else None}
    return {
        **slot,
        "status": "accepted" if written else "placeholder",
        "document": one.section_id,
        "reason": one.section.reason,
    }


def _pictures(parent: Parent) -> tuple[str, ...]:
    return tuple(one.name for one in parent.artifacts if one.name.startswith(PICTURES))
