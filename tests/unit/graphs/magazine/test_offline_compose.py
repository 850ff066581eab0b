"""The offline recipes that came with the second mode, from rendered prompts alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fabula.documents import alias_ids
from fabula.documents.magazine import (
    Composition,
    MagazineOutline,
    MoodDraft,
    Polish,
    Post,
    QuoteDraft,
    SectionPlan,
    SourceSet,
    WrittenSection,
)
from fabula.gateway.prompts import render
from fabula.gateway.structured import narrow, parse
from fabula.graphs.magazine.agents import Draft
from fabula.graphs.magazine.compose import _parts, _plan
from fabula.graphs.magazine.desk import WritingDesk
from fabula.graphs.magazine.keeping import lost
from fabula.graphs.magazine.offline import RECIPES
from fabula.graphs.magazine.offline_material import offline_data
from fabula.graphs.magazine.reading import Found, read_all
from fabula.graphs.magazine.sections import section_faults, written
from fabula.graphs.magazine.templates import TEMPLATE_REGISTRY, TemplateSpec
from fabula.testing.magazine import brief_of
from tests.unit.graphs.magazine.test_offline import ANGLE, EXAMPLE, MESSY

ANGLES = {
    "editorial-deep": ANGLE,
    "shopping-guide": "3만 원 안에서 고르는 가을 선물, 가격과 조건을 비교한다",
    "pinterest-board": "가을 무드보드: 색감과 분위기로 모은 아이디어",
}


def posts_of(found: Any) -> list[Post]:
    return [
        Post(
            id=one.id,
            title=one.title,
            text=one.text,
            author=one.author,
            url=None,
            date=None,
            picture=one.image,
            picture_alt=None,
        )
        for one in found
    ]


REAL = posts_of(
    one.post for one in read_all(brief_of(posts=(), sources=str(EXAMPLE))) if isinstance(one, Found)
)
ODD = posts_of(MESSY)


def desk(posts: list[Post], spec: TemplateSpec, angle: str = ANGLE) -> WritingDesk:
    outline = MagazineOutline(title="제목", dek="덱", template_id=spec.id, section_plans=())
    sources = SourceSet(posts=tuple(posts), problems=())
    return WritingDesk(brief_of(angle=angle), sources, spec=spec, outline=outline)


def composed(posts: list[Post], template: str, *, seed: int = 0, **given: Any) -> Composition:
    specs = list(TEMPLATE_REGISTRY.values())
    on = desk(posts, TEMPLATE_REGISTRY[template], ANGLES[template])
    bounds = {"body": given.pop("body", (2, 14))}
    offered = {
        "post": alias_ids("p", [post.id for post in posts]),
        "template": {spec.id: spec.id for spec in specs},
    }
    variables: dict[str, Any] = {
        "angle": on.brief.angle,
        "templates": specs,
        "body": bounds["body"],
        "wanted": {spec.id: spec.sections.default - 2 for spec in specs},
        "posts": on.material([post.id for post in posts], each=2500, together=60000),
        "featured": (),
        **given,
    }
    messages = render("magazine/compose", variables)
    answer = RECIPES["magazine.compose"](messages, narrow(Composition, offered, bounds), seed)
    return parse(json.dumps(answer), "stop", Composition, aliases=offered, bounds=bounds)


@pytest.mark.parametrize("template", sorted(ANGLES))
@pytest.mark.parametrize("posts", [REAL, REAL[:1], ODD], ids=["real", "one", "messy"])
def test_a_whole_article_in_one_answer_breaks_no_rule(template: str, posts: list[Post]) -> None:
    for seed in range(3):
        made = composed(posts, template, seed=seed)
        spec = TEMPLATE_REGISTRY[template]
        assert made.template_id == template
        assert len(made.body) == spec.sections.default - 2
        assert {one.type for one in made.body} <= set(spec.body_types)
        on = desk(posts, spec)
        for number, (type_, draft) in enumerate(_parts(made), start=1):
            plan = _plan(number, type_, draft)
            assert section_faults(on, plan, written(plan, draft)) == []


def test_an_article_of_pictures_has_boards_and_one_without_has_none() -> None:
    types = [one.type for one in composed(REAL, "pinterest-board").body]
    assert types[:3] == ["curation_card", "mood_board", "quote_pull"]
    bare = [post.model_copy(update={"picture": None}) for post in REAL]
    assert "mood_board" not in {one.type for one in composed(bare, "pinterest-board").body}


def test_featured_posts_and_the_number_of_sections_are_kept() -> None:
    made = composed(REAL, "editorial-deep", featured=("p9", "p16"), body=(5, 5))
    assert len(made.body) == 5
    cited = [
        id_
        for type_, draft in _parts(made)
        if type_ in ("spotlight", "curation_card")
        for paragraph in written(_plan(1, type_, draft), draft).paragraphs
        for id_ in paragraph.post_ids
    ]
    assert {REAL[8].id, REAL[15].id} <= set(cited)


def test_the_same_seed_composes_the_same_and_another_seed_another() -> None:
    made = [composed(REAL, "editorial-deep", seed=seed) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


def section(
    type_: Any, output: type[Draft], posts: list[Post], template: str, seed: int
) -> tuple[WritingDesk, SectionPlan, WrittenSection]:
    spec = TEMPLATE_REGISTRY[template]
    on = desk(posts, spec)
    ids = tuple(post.id for post in posts)
    plan = SectionPlan(section_id="s2", type=type_, purpose="본다.", post_ids=ids)
    offered = {"post": alias_ids("p", ids)}
    variables: dict[str, Any] = {
        "angle": ANGLE,
        "title": "제목",
        "dek": "덱",
        "template": spec,
        "plan": plan,
        "rules": spec.rules[plan.type],
        "plans": [plan],
        "posts": on.material(ids, each=2500, together=15000),
        "must_cite": (),
        "fix": None,
        "previous": None,
    }
    messages = render(f"magazine/write_{type_}", variables)
    answer = RECIPES[f"magazine.write_{type_}"](messages, narrow(output, offered, {}), seed)
    draft = parse(json.dumps(answer), "stop", output, aliases=offered, bounds={})
    return on, plan, written(plan, draft)


@pytest.mark.parametrize("template", sorted(ANGLES))
def test_what_is_pulled_out_stands_in_its_post(template: str) -> None:
    for seed, post in enumerate(REAL):
        on, plan, made = section("quote_pull", QuoteDraft, [post], template, seed)
        assert section_faults(on, plan, made) == []
        assert made.quote is not None
        assert made.quote.text in " ".join(post.text.split())


@pytest.mark.parametrize("template", sorted(ANGLES))
def test_a_board_has_a_caption_for_each_post(template: str) -> None:
    for seed in range(4):
        posts = REAL[seed * 3 : seed * 3 + 4]
        on, plan, made = section("mood_board", MoodDraft, posts, template, seed)
        assert section_faults(on, plan, made) == []
        cited = [id_ for paragraph in made.paragraphs for id_ in paragraph.post_ids]
        assert cited == [post.id for post in posts]


def test_a_board_of_posts_with_nothing_to_tell_still_has_its_captions() -> None:
    posts = [post.model_copy(update={"picture": "x"}) for post in ODD[:5]]
    on, plan, made = section("mood_board", MoodDraft, posts, "pinterest-board", 0)
    assert section_faults(on, plan, made) == []


def test_a_polish_changes_words_and_keeps_every_fact() -> None:
    spec = TEMPLATE_REGISTRY["editorial-deep"]
    on, offered = desk(REAL, spec), alias_ids("p", [post.id for post in REAL])
    alias_of = {id_: alias for alias, id_ in offered.items()}
    drafts = _parts(composed(REAL, "editorial-deep"))
    plans = [_plan(number, *part) for number, part in enumerate(drafts, start=1)]
    before = {
        plan.section_id: written(plan, draft)
        for plan, (_, draft) in zip(plans, drafts, strict=True)
    }
    shown = [
        {
            "section_id": one.section_id,
            "type": one.type,
            "heading": one.heading,
            "quote": one.quote.text if one.quote else None,
            "paragraphs": [
                {"text": part.text, "aliases": [alias_of[id_] for id_ in part.post_ids]}
                for part in one.paragraphs
            ],
        }
        for one in before.values()
    ]
    variables = {"title": "제목", "dek": "덱", "template": spec, "sections": shown}
    aliases = {"post": offered, "section": {id_: id_ for id_ in before}}
    bounds = {"sections": (0, len(before))}
    messages = render("magazine/polish", variables)
    answer = RECIPES["magazine.polish"](messages, narrow(Polish, aliases, bounds), 0)
    made = parse(json.dumps(answer), "stop", Polish, aliases=aliases, bounds=bounds)
    assert made.sections
    for one in made.sections:
        old = before[one.section_id]
        new = old.model_copy(update={"paragraphs": one.paragraphs, "heading": one.heading})
        assert new != old
        cited = on.posts(list(dict.fromkeys(i for p in old.paragraphs for i in p.post_ids)))
        assert lost(old, new, cited=cited, sources=REAL) == []


def test_every_word_of_the_polish_has_another_for_it() -> None:
    words = offline_data()["polish"]
    assert not set(words) & set(words.values())
