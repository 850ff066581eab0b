"""What a magazine is expected to ask: the steps' own prompts over the brief's own posts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fabula.documents.magazine import (
    BodyType,
    MagazineBrief,
    MagazineOutline,
    Paragraph,
    Post,
    SectionPlan,
    SectionType,
    SourceSet,
    WrittenSection,
)
from fabula.errors import BadInput
from fabula.gateway.forecast import Assumption, ExpectedCall
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.provider import Message
from fabula.graphs.magazine.classify import classify_template
from fabula.graphs.magazine.compose import compose_layout
from fabula.graphs.magazine.desk import LEAST_EXCERPT, SECTION_EXCERPT, SECTION_MATERIAL
from fabula.graphs.magazine.flags import MagazineFlags
from fabula.graphs.magazine.intake.excerpts import cut, excerpts_of
from fabula.graphs.magazine.outline import DEK, ENDS, TITLE, plan_outline
from fabula.graphs.magazine.polish import polish_layout
from fabula.graphs.magazine.reading import Found, is_address, read_all
from fabula.graphs.magazine.sections import write_section
from fabula.graphs.magazine.state import WRITE, MagazineState
from fabula.graphs.magazine.templates import FALLBACK, TEMPLATE_REGISTRY, TemplateSpec
from fabula.nodes import Slot, open_slot
from fabula.nodes.rehearse import Prompt, Rehearsal

FEED_POSTS, FEED_CHARACTERS = 15, 2_500
"""What sources on the web are taken for: nothing is fetched for an estimate."""
NOT_READ = Assumption(
    "sources_not_read",
    "주소의 글은 읽지 않고 어림했습니다. 글이 몇 편이고 얼마나 긴지 모르므로 "
    f"{FEED_CHARACTERS:,}자짜리 {FEED_POSTS}편으로 보았고, 상한도 그때의 것입니다",
    "the posts at the address were not read: how many there are and how long is unknown, so "
    f"{FEED_POSTS} posts of {FEED_CHARACTERS:,} characters were assumed, for the bound as well",
)
PURPOSE, CHOICE, PLANNED, FORM = 80, 120, 160, 120
"""Characters of a section's purpose, of a choice, of a planned section, of the JSON around copy."""
POSTS_EACH = 2
"""How many posts a section is expected to rest on."""
COMPOSE, CLASSIFY, OUTLINE, POLISH = (
    "compose_layout",
    "classify_template",
    "plan_outline",
    "polish_layout",
)


async def forecast(brief: MagazineBrief, flags: MagazineFlags) -> Sequence[ExpectedCall]:
    """Return what a run of this brief may ask, in the mode of the flags.

    The template is not chosen yet: what is expected is the fallback's, and the bounds are those
    of the dearest. Raises BadInput where the brief's sources cannot be used at all.
    """
    stage = await _staged(brief, await asyncio.to_thread(_posts, brief))
    calls = await (stage.single_call() if flags.mode == "single_call" else stage.multi_stage())
    if flags.polish_enabled:
        written = dict.fromkeys(c.item for c in calls if c.item.startswith(f"{WRITE}/"))
        calls.append(await stage.polish(flags, carries=tuple(written) or (COMPOSE,)))
    if _is_on_the_web(brief):
        return [replace(call, assumes=NOT_READ) for call in calls]
    return calls


async def _staged(brief: MagazineBrief, posts: Sequence[Post]) -> _Stage:
    known = {post.id for post in posts}
    featured = tuple(id_ for id_ in brief.featured if id_ in known)
    rehearsal = Rehearsal()
    sources = SourceSet(posts=tuple(posts), problems=())
    state: MagazineState = {
        "brief": await rehearsal.documents.put(brief.model_copy(update={"featured": featured})),
        "sources": await rehearsal.documents.put(sources),
    }
    # Cut beforehand: looking for whole sentences in every post, for each writer, takes seconds.
    each = max(LEAST_EXCERPT, min(SECTION_EXCERPT, SECTION_MATERIAL // max(1, len(posts))))
    short = [post.model_copy(update={"text": post.text[:each], "excerpts": ()}) for post in posts]
    sources = SourceSet(posts=tuple(short), problems=())
    bare: MagazineState = {**state, "sources": await rehearsal.documents.put(sources)}
    return _Stage(brief, [post.id for post in posts], rehearsal, state, bare)


@dataclass(frozen=True)
class _Stage:
    """The steps of one brief, rehearsed over its posts."""

    brief: MagazineBrief
    post_ids: Sequence[str]
    rehearsal: Rehearsal
    state: MagazineState
    bare: MagazineState
    """The same over posts that are as short as a section on all of them shows them."""

    async def single_call(self) -> list[ExpectedCall]:
        asked = await self.rehearsal.prompt(compose_layout(self.rehearsal.services)(self.state))
        return [_call(asked, COMPOSE, told=self._copy())]

    async def multi_stage(self) -> list[ExpectedCall]:
        services, ask = self.rehearsal.services, self.rehearsal.prompt
        choice = await ask(classify_template(services)(self.state))
        plans = {
            id_: await ask(plan_outline(services)(self._with(id_))) for id_ in TEMPLATE_REGISTRY
        }
        longest = max(plan.tokens for plan in plans.values())
        told = self._count(_SPEC) * PLANNED
        return [
            _call(choice, CLASSIFY, told=CHOICE),
            _call(plans[FALLBACK], OUTLINE, told=told, most=longest),
            *await self._sections(),
        ]

    async def polish(self, flags: MagazineFlags, *, carries: tuple[str, ...]) -> ExpectedCall:
        """Ask over copy as long as it is expected to be; the bound is what was really answered."""
        items: dict[str, Slot] = {}
        for number, type_ in enumerate(_types(_SPEC, self._count(_SPEC)), start=1):
            section = WrittenSection(
                section_id=f"s{number}",
                type=type_,
                status="written",
                heading="가" * _SPEC.rules[type_].heading.most,
                paragraphs=(
                    Paragraph(text="가" * _length(_SPEC, type_), post_ids=self._some(number)),
                ),
            )
            slot = open_slot(WRITE, section.section_id, "")
            document = await self.rehearsal.documents.put(section)
            items[slot["id"]] = {**slot, "status": "accepted", "document": document}
        state = {**self._with(FALLBACK), "outline": await self._outline(_SPEC, ()), "items": items}
        step = polish_layout(self.rehearsal.services, temperature=flags.polish_temperature)
        asked = await self.rehearsal.prompt(step(state))
        return _call(asked, POLISH, told=self._copy(), carries=carries)

    async def _sections(self) -> list[ExpectedCall]:
        """Return each section's call by each writer that may get it.

        A body's section of the fallback goes to any of its types, each as likely as the others.
        """
        expected, most = self._count(_SPEC) - ENDS, self._most() - ENDS
        types: tuple[SectionType, ...] = ("intro", *_BODY, "closing")
        longest = {type_: await self._longest(type_) for type_ in types}
        calls = [await self._section("intro", 0, longest["intro"], times=1.0)]
        for number in range(1, most + 1):
            for type_ in _BODY:
                likely = number <= expected and type_ in _SPEC.body_types
                times = 1 / len(_SPEC.body_types) if likely else 0.0
                calls.append(await self._section(type_, number, longest[type_], times=times))
        return [*calls, await self._section("closing", most + 1, longest["closing"], times=1.0)]

    async def _section(
        self, type_: SectionType, number: int, longest: Prompt, *, times: float
    ) -> ExpectedCall:
        asked = longest
        if times:
            asked = await self._asked(
                _SPEC, type_, self._some(number), self._count(_SPEC), self.state
            )
        told = _length(_SPEC, type_) + FORM
        item = f"{WRITE}/s{number + 1}"
        return _call(asked, item, told=told, most=longest.tokens, times=times, carries=(OUTLINE,))

    async def _longest(self, type_: SectionType) -> Prompt:
        """Ask for a section that rests on every post, in the dearest template that has its type."""
        prompts = [
            await self._asked(spec, type_, tuple(self.post_ids), self._most(), self.bare)
            for spec in TEMPLATE_REGISTRY.values()
            if type_ in ("intro", "closing", *spec.body_types)
        ]
        return max(prompts, key=lambda prompt: prompt.tokens)

    async def _asked(
        self,
        spec: TemplateSpec,
        type_: SectionType,
        post_ids: tuple[str, ...],
        count: int,
        state: MagazineState,
    ) -> Prompt:
        plans = [_plan(f"s{n}", one) for n, one in enumerate(_types(spec, count), start=1)]
        plan = _plan("s1", type_).model_copy(update={"post_ids": post_ids})
        outline = await self._outline(spec, [plan, *plans[1:]])
        slot = open_slot(WRITE, "s1", await self.rehearsal.documents.put(plan))
        carried = {**state, "template_id": spec.id, "outline": outline}
        return await self.rehearsal.prompt(write_section(self.rehearsal.services)(slot, carried))

    async def _outline(self, spec: TemplateSpec, plans: Iterable[SectionPlan]) -> str:
        outline = MagazineOutline(
            title="가" * TITLE,
            dek="가" * DEK,
            template_id=spec.id,
            section_plans=tuple([await self.rehearsal.documents.put(plan) for plan in plans]),
        )
        return await self.rehearsal.documents.put(outline)

    def _with(self, template_id: str) -> MagazineState:
        return {**self.state, "template_id": template_id}

    def _count(self, spec: TemplateSpec) -> int:
        return self.brief.sections or spec.sections.default

    def _most(self) -> int:
        counts = [spec.sections.most for spec in TEMPLATE_REGISTRY.values()]
        return self.brief.sections or max(counts)

    def _copy(self) -> int:
        """Return how long the whole article is expected to be, as an answer's characters."""
        types = _types(_SPEC, self._count(_SPEC))
        return sum(_length(_SPEC, type_) + FORM for type_ in types)

    def _some(self, number: int) -> tuple[str, ...]:
        ids = self.post_ids
        first = number * POSTS_EACH
        return tuple(dict.fromkeys(ids[n % len(ids)] for n in range(first, first + POSTS_EACH)))


_SPEC = TEMPLATE_REGISTRY[FALLBACK]
_BODY: tuple[BodyType, ...] = tuple(
    dict.fromkeys(type_ for spec in TEMPLATE_REGISTRY.values() for type_ in spec.body_types)
)


def _types(spec: TemplateSpec, count: int) -> list[SectionType]:
    body = [spec.body_types[n % len(spec.body_types)] for n in range(count - ENDS)]
    return ["intro", *body, "closing"]


def _length(spec: TemplateSpec, type_: SectionType) -> int:
    rules = spec.rules[type_]
    return rules.heading.most + (rules.characters.least + rules.characters.most) // 2


def _plan(section_id: str, type_: SectionType) -> SectionPlan:
    return SectionPlan(section_id=section_id, type=type_, purpose="가" * PURPOSE, post_ids=())


def _call(
    asked: Prompt,
    item: str,
    *,
    told: int,
    most: int = 0,
    times: float = 1.0,
    carries: tuple[str, ...] = (),
) -> ExpectedCall:
    return ExpectedCall(
        agent=asked.agent,
        item=item,
        input_tokens=asked.tokens,
        input_most=max(most, asked.tokens),
        output_tokens=estimate_tokens([Message("assistant", "가" * told)], {}),
        times=times,
        carries=carries,
    )


def _is_on_the_web(brief: MagazineBrief) -> bool:
    return bool(brief.sources and is_address(brief.sources))


def _posts(brief: MagazineBrief) -> list[Post]:
    local = brief
    posts: list[Post] = []
    if _is_on_the_web(brief):
        local = brief.model_copy(update={"sources": None})
        posts = [_on_the_web(number) for number in range(1, FEED_POSTS + 1)]
    for found in read_all(local, ahead=True):
        if isinstance(found, Found):
            posts.append(_post(found))
    if not posts:
        raise BadInput("sources", "no post can be used", "쓸 수 있는 글이 없습니다")
    return posts


def _on_the_web(number: int) -> Post:
    text: Mapping[str, str] = {"title": "가" * 30, "text": "가 " * (FEED_CHARACTERS // 2)}
    return Post(
        id=f"web-{number}", **text, author=None, url=None, date=None, picture=None, picture_alt=None
    )


def _post(found: Found) -> Post:
    given = found.post
    excerpts = excerpts_of(given.text)
    return Post(
        id=given.id,
        title=given.title,
        text=cut(given.text, excerpts),
        author=given.author,
        url=given.url,
        date=given.date,
        # Whether it can be used is seen when it is opened.
        picture=given.image or (found.images[0].src if found.images else None),
        picture_alt=given.image_alt,
        excerpts=excerpts,
    )
