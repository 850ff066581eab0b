from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fabula.documents.magazine import MagazineBrief, MagazineOutline, SectionPlan
from fabula.errors import Rejected
from fabula.graphs.magazine import outline as module
from fabula.graphs.magazine.outline import plan_outline
from fabula.graphs.magazine.sources import fetch_sources
from fabula.graphs.magazine.state import section_plans
from fabula.testing.magazine import brief_of, plan
from fabula.testing.memory import Asked, Script, memory_services


@pytest.fixture(autouse=True)
def notices(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    told: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(module, "notice", lambda kind, **data: told.append((kind, data)))
    return told


def body(*sections: tuple[str, list[str]]) -> Script:
    """Answer a plan with this body."""

    def answer(asked: Asked) -> dict[str, Any]:
        planned = [{"type": t, "purpose": "본다", "post_ids": ids} for t, ids in sections]
        return {**plan(asked), "body": planned}

    return answer


async def outline(
    script: Script = plan, brief: MagazineBrief | None = None, template: str = "editorial-deep"
) -> tuple[MagazineOutline, list[SectionPlan], Any, Any]:
    services, agents, _ = memory_services({"magazine.outline": script})
    state: dict[str, Any] = {"brief": await services.documents.put(brief or brief_of())}
    state.update(await fetch_sources(services)(state))
    state["template_id"] = template
    update = await plan_outline(services)(state)
    get = services.documents.get
    planned = await get(MagazineOutline, update["outline"])
    plans = [await get(SectionPlan, id_) for id_ in planned.section_plans]
    return planned, plans, update, agents.calls[0]


async def test_plans_stand_in_page_order_with_real_ids_and_a_slot_each() -> None:
    planned, plans, update, asked = await outline()
    assert [(one.section_id, one.type) for one in plans] == [
        ("s1", "intro"),
        ("s2", "spotlight"),
        ("s3", "curation_card"),
        ("s4", "spotlight"),
        ("s5", "curation_card"),
        ("s6", "closing"),
    ]
    assert plans[1].post_ids == ("a1",)
    assert list(update["items"]) == [f"write_section/s{n}" for n in range(1, 7)]
    assert section_plans(update["items"]) == list(planned.section_plans)
    assert asked.item == "plan_outline"


async def test_a_post_id_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        await outline(body(("spotlight", ["p1"]), ("spotlight", ["p99"])))
    assert "p99" in caught.value.reason
    assert caught.value.agent == "magazine.outline"


async def test_a_post_named_by_its_own_id_instead_of_its_alias_is_refused() -> None:
    with pytest.raises(Rejected, match="a1"):
        await outline(body(("spotlight", ["a1"]), ("spotlight", ["p2"])))


async def test_a_plan_that_brings_copy_is_refused() -> None:
    def answer(asked: Asked) -> dict[str, Any]:
        planned = plan(asked)
        first, *rest = planned["body"]
        return {**planned, "body": [{**first, "paragraphs": ["벌써 쓴 글."]}, *rest]}

    with pytest.raises(Rejected, match=r"body.*paragraphs"):
        await outline(answer)


@pytest.mark.parametrize(("sections", "bounds"), [(None, (2, 6)), (3, (1, 1)), (12, (10, 10))])
async def test_the_body_has_as_many_sections_as_brief_or_template_ask(
    sections: int | None, bounds: tuple[int, int]
) -> None:
    *_, asked = await outline(brief=brief_of(sections=sections))
    assert asked.bounds == {"body": bounds}


async def test_too_many_sections_are_refused() -> None:
    with pytest.raises(Rejected, match="body"):
        await outline(body(*[("spotlight", ["p1"])] * 4), brief_of(sections=5))


async def test_a_featured_post_that_was_left_out_is_added_where_there_is_most_room(
    notices: list[tuple[str, dict[str, object]]],
) -> None:
    script = body(("spotlight", ["p1", "p2"]), ("spotlight", ["p2"]), ("spotlight", ["p1"]))
    _, plans, _, _ = await outline(script, brief_of(featured=("a4", "a1", "a3")))
    assert [one.post_ids for one in plans[1:4]] == [("a1", "a2"), ("a2", "a4"), ("a1", "a3")]
    assert notices == [
        ("featured_added", {"post_id": "a4", "section_id": "s3"}),
        ("featured_added", {"post_id": "a3", "section_id": "s4"}),
    ]


async def test_a_type_that_the_template_does_not_have_becomes_one_it_has(
    notices: list[tuple[str, dict[str, object]]],
) -> None:
    script = body(*[("spotlight", ["p1"])] * 3)
    _, plans, _, _ = await outline(script, template="pinterest-board")
    assert {one.type for one in plans[1:-1]} == {"curation_card"}
    assert [kind for kind, _ in notices] == ["section_type_changed"] * 3


async def test_a_post_named_twice_is_planned_once() -> None:
    _, plans, _, _ = await outline(body(("spotlight", ["p1", "p1"]), ("spotlight", ["p2"])))
    assert plans[1].post_ids == ("a1",)


async def test_an_empty_or_endless_title_is_mended_by_code() -> None:
    def answer(asked: Asked) -> dict[str, Any]:
        return {**plan(asked), "title": " \n ", "dek": "가" * 500}

    planned, *_ = await outline(answer)
    assert planned.title == brief_of().angle
    assert len(planned.dek) == 200


async def test_the_plan_of_the_same_brief_has_the_same_ids() -> None:
    first, second = await outline(), await outline()
    assert first[2] == second[2]


async def test_a_quote_is_planned_on_a_post_that_has_something_to_quote(
    notices: list[tuple[str, dict[str, object]]],
) -> None:
    posts = brief_of(3).posts
    bare = posts[0].model_copy(update={"text": "봄 🎈"})
    brief = brief_of(posts=(bare, *posts[1:]))
    script = body(("spotlight", ["p2"]), ("quote_pull", ["p1", "p2"]), ("quote_pull", ["p1"]))
    _, plans, _, _ = await outline(script, brief)
    assert [(one.type, one.post_ids) for one in plans[1:4]] == [
        ("spotlight", ("a2",)),
        ("quote_pull", ("a2",)),
        ("spotlight", ("a1",)),
    ]
    assert [(kind, data["section_id"]) for kind, data in notices] == [
        ("section_type_changed", "s4")
    ]


async def test_a_board_needs_three_posts_with_pictures(
    tmp_path: Path, notices: list[tuple[str, dict[str, object]]]
) -> None:
    Image.new("RGB", (40, 30), "#336699").save(tmp_path / "a.png")
    posts = brief_of(5).posts
    shown = [post.model_copy(update={"image": str(tmp_path / "a.png")}) for post in posts[:3]]
    brief = brief_of(posts=(*shown, *posts[3:]))
    enough = ("mood_board", ["p5", "p1", "p2", "p3"])
    script = body(enough, ("mood_board", ["p1", "p4", "p5"]), ("curation_card", ["p4"]))
    _, plans, _, _ = await outline(script, brief, template="pinterest-board")
    assert (plans[1].type, plans[1].post_ids) == ("mood_board", ("a1", "a2", "a3"))
    assert (plans[2].type, plans[2].post_ids) == ("curation_card", ("a1", "a4", "a5"))
    assert [data["reason"] for _, data in notices] == [
        "mood_board → curation_card: 사진이 있는 글이 모자랍니다"
    ]


async def test_a_featured_post_is_told_in_copy_and_not_by_a_quote_alone(
    notices: list[tuple[str, dict[str, object]]],
) -> None:
    script = body(("quote_pull", ["p3"]), ("spotlight", ["p1"]))
    _, plans, _, _ = await outline(script, brief_of(featured=("a3",)))
    assert plans[2].post_ids == ("a1", "a3")
    only_quotes = body(("quote_pull", ["p3"]), ("quote_pull", ["p2"]))
    _, plans, _, _ = await outline(only_quotes, brief_of(featured=("a3",)))
    assert [one.type for one in plans[1:3]] == ["spotlight", "quote_pull"]
    assert [kind for kind, _ in notices] == ["featured_added", "section_type_changed"]
