from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from fabula.documents.magazine import MagazineBrief, SectionPlan, WrittenSection
from fabula.errors import Rejected
from fabula.graphs.magazine.outline import plan_outline
from fabula.graphs.magazine.sections import (
    judge_section,
    placeholder_section,
    write_section,
)
from fabula.graphs.magazine.sources import fetch_sources
from fabula.nodes import Services, Slot
from fabula.testing.magazine import brief_of, plan, scripts, write
from fabula.testing.memory import Asked, Script, ScriptedAgents, memory_services


async def planned(
    brief: MagazineBrief | None = None, template_id: str = "editorial-deep", **changed: Script
) -> tuple[Services, ScriptedAgents, dict[str, Any]]:
    services, agents, _ = memory_services(scripts(**changed))
    state: dict[str, Any] = {
        "brief": await services.documents.put(brief or brief_of()),
        "template_id": template_id,
    }
    state.update(await fetch_sources(services)(state))
    state.update(await plan_outline(services)(state))
    return services, agents, state


async def test_each_section_type_is_asked_of_its_own_writer() -> None:
    services, agents, state = await planned()
    for slot in state["items"].values():
        await write_section(services)(slot, state)
    assert [call.agent.rpartition(".")[2] for call in agents.calls[1:]] == [
        "write_intro",
        "write_spotlight",
        "write_curation_card",
        "write_spotlight",
        "write_curation_card",
        "write_closing",
    ]
    assert [call.item for call in agents.calls[1:]] == list(state["items"])


async def test_a_quote_and_a_board_have_writers_of_their_own_too(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), "#336699").save(tmp_path / "a.png")
    posts = [one.model_copy(update={"image": str(tmp_path / "a.png")}) for one in brief_of(5).posts]

    def with_both(asked: Asked) -> dict[str, Any]:
        types = ("quote_pull", "mood_board", "curation_card")
        ids = (["p1"], ["p2", "p3", "p4"], ["p5"])
        body = [
            {"type": t, "purpose": "본다", "post_ids": i} for t, i in zip(types, ids, strict=True)
        ]
        return {**plan(asked), "body": body}

    brief = brief_of(posts=tuple(posts))
    services, agents, state = await planned(brief, "pinterest-board", outline=with_both)
    made = {}
    for name in ("s2", "s3"):
        document = await write_section(services)(state["items"][f"write_section/{name}"], state)
        made[name] = await services.documents.get(WrittenSection, str(document))
    assert [call.agent for call in agents.calls[1:]] == [
        "magazine.write_quote_pull",
        "magazine.write_mood_board",
    ]
    quote, board = made["s2"], made["s3"]
    assert quote.quote is not None
    assert quote.quote.post_id == "a1"
    assert [one.post_ids for one in board.paragraphs] == [("a2",), ("a3",), ("a4",)]


async def test_a_writer_may_cite_the_posts_of_its_plan_alone() -> None:
    services, agents, state = await planned()
    await write_section(services)(state["items"]["write_section/s3"], state)
    await write_section(services)(state["items"]["write_section/s6"], state)
    assert [call.aliases for call in agents.calls[1:]] == [{"post": {"p2": "a2"}}, {"post": {}}]


async def test_the_copy_is_kept_with_ids_in_the_place_of_aliases() -> None:
    services, _, state = await planned()
    document = await write_section(services)(state["items"]["write_section/s3"], state)
    assert isinstance(document, str)
    section = await services.documents.get(WrittenSection, document)
    assert (section.section_id, section.type, section.status) == ("s3", "curation_card", "written")
    assert {id_ for one in section.paragraphs for id_ in one.post_ids} == {"a2"}


async def test_a_rewrite_is_given_the_reason_and_the_former_text() -> None:
    services, agents, state = await planned()
    make = write_section(services)
    slot: Slot = state["items"]["write_section/s2"]
    first = await make(slot, state)
    assert isinstance(first, str)
    again: Slot = {**slot, "attempt": 1, "reason": "본문은 10자인데", "document": first}
    await make(again, state)
    before, after = agents.calls[1], agents.calls[2]
    assert (before.variables["fix"], before.variables["previous"]) == (None, None)
    assert after.variables["fix"] == "본문은 10자인데"
    assert after.variables["previous"] == await services.documents.get(WrittenSection, first)
    assert (before.attempt, after.attempt) == (0, 1)


async def test_an_answer_that_stayed_bad_is_handed_on_as_a_value() -> None:
    services, _, state = await planned(write_spotlight=lambda _: {"heading": 1})
    made = await write_section(services)(state["items"]["write_section/s2"], state)
    assert isinstance(made, Rejected)
    assert made.item == "write_section/s2"


async def test_the_judge_lets_sound_copy_pass_and_names_what_is_wrong() -> None:
    services, _, state = await planned()
    slot: Slot = state["items"]["write_section/s2"]
    good = await write_section(services)(slot, state)
    assert isinstance(good, str)
    assert await judge_section(services)({**slot, "document": good}, state) is None
    section = await services.documents.get(WrittenSection, good)
    short = section.model_copy(update={"paragraphs": section.paragraphs[:1]})
    bad = await services.documents.put(short)
    reason = await judge_section(services)({**slot, "document": bad}, state)
    assert reason is not None
    assert "문단은 1개인데 2~5개여야 합니다." in reason


async def test_a_featured_post_must_be_cited_by_the_body_section_that_has_it() -> None:
    def uncited(asked: Any) -> dict[str, Any]:
        answer = write(asked)
        return {
            **answer,
            "paragraphs": [{**one, "post_ids": []} for one in answer["paragraphs"]],
        }

    services, agents, state = await planned(brief_of(featured=("a1",)), write_spotlight=uncited)
    slot: Slot = state["items"]["write_section/s2"]
    document = await write_section(services)(slot, state)
    assert isinstance(document, str)
    assert agents.calls[1].variables["must_cite"] == ["p1"]
    reason = await judge_section(services)({**slot, "document": document}, state)
    assert "꼭 다룰 글을 인용하지 않았습니다: p1." in str(reason)


async def test_one_failing_section_becomes_a_typed_placeholder() -> None:
    services, _, state = await planned()
    opened: Slot = state["items"]["write_section/s3"]
    slot: Slot = {**opened, "reason": "본문이 짧습니다"}
    document = await placeholder_section(services)(slot)
    section = await services.documents.get(WrittenSection, document)
    its = await services.documents.get(SectionPlan, slot["plan"])
    assert (section.section_id, section.type) == (its.section_id, its.type)
    assert (section.status, section.reason) == ("placeholder", "본문이 짧습니다")
    assert section.paragraphs == ()
