"""What a change to a finished magazine may ask: its own steps, rehearsed over the parent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fabula.documents import Document
from fabula.documents.magazine import (
    MagazineBrief,
    MagazineOutline,
    SectionPlan,
    SectionType,
    SourceSet,
)
from fabula.gateway.forecast import ExpectedCall
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.provider import Message
from fabula.graphs.magazine.desk import Desk
from fabula.graphs.magazine.outline import DEK, ENDS, TITLE, plan_outline
from fabula.graphs.magazine.reuse import existing_sections, holds
from fabula.graphs.magazine.sections import write_section
from fabula.graphs.magazine.state import WRITE, MagazineState
from fabula.graphs.magazine.templates import TemplateSpec, template
from fabula.nodes import Parent, Services, Slot, open_slot
from fabula.nodes.fan_out import REASON
from fabula.nodes.rehearse import Prompt, Rehearsal
from fabula.store.ports import D, Documents

if TYPE_CHECKING:
    from fabula.graphs.magazine.changes import Article

PLANNED, PURPOSE, FORM = 160, 80, 120
"""Characters of a planned section, of its purpose, of the JSON around its copy."""
POSTS_EACH = 2
"""How many posts a section is expected to rest on."""
OUTLINE = "plan_outline"


async def forecast_rewrite(
    parent: Parent, state: Mapping[str, Any], item: str
) -> tuple[ExpectedCall, ...]:
    """Return the one section's call."""
    stage = _Stage(parent)
    slot: Slot = state["items"][item]
    asked = await stage.prompt(write_section(stage.services)(slot, state))
    plan = await parent.documents.get(SectionPlan, slot["plan"])
    told = _told(template(state["template_id"]), plan.type)
    return (ExpectedCall(asked.agent, item, asked.tokens, asked.tokens, told),)


async def forecast_template(
    parent: Parent, article: Article, state: Mapping[str, Any]
) -> tuple[tuple[ExpectedCall, ...], list[str]]:
    """Return the outline's call and each section's, and the sections that hold as they are.

    A section is expected to be written where none of its kind holds in the new template; the
    bound is every section of the longest article, each resting on every post.
    """
    stage = _Stage(parent)
    spec = template(state["template_id"])
    brief = await parent.documents.get(MagazineBrief, state["brief"])
    sources = await parent.documents.get(SourceSet, state["sources"])
    on = Desk(brief, sources)
    holding = [
        one.plan
        for one in article.sections
        if one.section.status == "written" and holds(on, spec, one.plan, one.section)
    ]
    kinds = [one.type for one in holding]
    most = (brief.sections or spec.sections.most) - ENDS
    expected = (brief.sections or spec.sections.default) - ENDS
    fresh = max(0, expected - sum(kind in spec.body_types for kind in kinds))
    draft = _Draft(stage, spec, sources, state=state, article=article, count=most + ENDS)
    calls = [await _outline(stage, state, most + ENDS)]
    for type_ in ("intro", "closing"):
        times = 0.0 if type_ in kinds else 1.0
        calls.append(await draft.call(type_, f"{WRITE}/{type_}", times=times))
    for number in range(1, most + 1):
        for type_ in spec.body_types:
            times = 1 / len(spec.body_types) if number <= fresh else 0.0
            calls.append(await draft.call(type_, f"{WRITE}/body-{number}", times=times))
    return tuple(calls), [one.section_id for one in holding]


class _Stage:
    """The steps' services: documents of the parent, under those made for the rehearsal."""

    def __init__(self, parent: Parent) -> None:
        self._rehearsal = Rehearsal()
        self.documents = _Overlaid(parent.documents)
        self.services: Services = dataclasses.replace(
            self._rehearsal.services, documents=self.documents
        )

    async def prompt(self, step: Any) -> Prompt:
        return await self._rehearsal.prompt(step)


class _Overlaid:
    """Documents of a run that is only read, and new ones that are never stored."""

    def __init__(self, under: Documents) -> None:
        self._under = under
        self._own: dict[str, Document] = {}

    async def put(self, document: Document) -> str:
        self._own[document.id] = document
        return document.id

    async def get(self, kind: type[D], id: str) -> D:  # noqa: A002 - the port's word
        own = self._own.get(id)
        return own if isinstance(own, kind) else await self._under.get(kind, id)


class _Draft:
    """Prompts of sections that are not planned yet."""

    def __init__(
        self,
        stage: _Stage,
        spec: TemplateSpec,
        sources: SourceSet,
        *,
        state: Mapping[str, Any],
        article: Article,
        count: int,
    ) -> None:
        self._stage = stage
        self._spec = spec
        self._posts = tuple(post.id for post in sources.posts)
        self._state = state
        self._count = count
        written = [one for one in article.sections if one.section.status == "written"]
        longest = max(written, key=lambda one: len(str(one.section)), default=None)
        self._previous = longest.section_id if longest else None
        self._asked: dict[SectionType, tuple[Prompt, Prompt]] = {}

    async def call(self, type_: SectionType, item: str, *, times: float) -> ExpectedCall:
        if type_ not in self._asked:
            likely = await self._prompt(type_, self._posts[:POSTS_EACH], fix=None)
            longest = await self._prompt(type_, self._posts, fix="가" * REASON)
            self._asked[type_] = (likely, longest)
        likely, longest = self._asked[type_]
        return ExpectedCall(
            agent=likely.agent,
            item=item,
            input_tokens=likely.tokens,
            input_most=longest.tokens,
            output_tokens=_told(self._spec, type_),
            times=times,
            carries=(OUTLINE,),
        )

    async def _prompt(
        self, type_: SectionType, post_ids: Sequence[str], *, fix: str | None
    ) -> Prompt:
        put = self._stage.documents.put
        plan = SectionPlan(
            section_id="s1", type=type_, purpose="가" * PURPOSE, post_ids=tuple(post_ids)
        )
        plans = [plan.model_copy(update={"section_id": f"s{n}"}) for n in range(self._count)]
        outline = MagazineOutline(
            title="가" * TITLE,
            dek="가" * DEK,
            template_id=self._spec.id,
            section_plans=tuple([await put(one) for one in plans]),
        )
        slot = open_slot(WRITE, "s1", await put(plan))
        if fix:
            slot = {**slot, "reason": fix, "document": self._previous}
        carried = {**self._state, "outline": await put(outline)}
        return await self._stage.prompt(write_section(self._stage.services)(slot, carried))


async def _outline(stage: _Stage, state: Mapping[str, Any], count: int) -> ExpectedCall:
    step = plan_outline(stage.services, existing=existing_sections(stage.services))
    own: MagazineState = dict(state)  # type: ignore[assignment]  # a change's state has more keys
    asked = await stage.prompt(step(own))
    told = estimate_tokens([Message("assistant", "가" * (count * PLANNED))], {})
    return ExpectedCall(asked.agent, OUTLINE, asked.tokens, asked.tokens, told)


def _told(spec: TemplateSpec, type_: SectionType) -> int:
    rules = spec.rules[type_]
    length = rules.heading.most + (rules.characters.least + rules.characters.most) // 2 + FORM
    return estimate_tokens([Message("assistant", "가" * length)], {})
