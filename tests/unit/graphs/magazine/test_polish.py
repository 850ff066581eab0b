from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fabula.documents.magazine import MagazineLayout, WrittenSection
from fabula.graphs.magazine import MagazineFlags, build
from fabula.graphs.magazine.state import written_sections
from fabula.testing.magazine import brief_of, compose, polish, scripts
from fabula.testing.memory import Asked, memory_services

Notices = list[dict[str, Any]]
LIMIT: Any = {"recursion_limit": 50}


async def polished(
    script: Any = polish, *, enabled: bool = True, **flags: Any
) -> tuple[list[WrittenSection], Notices, list[Asked], MagazineLayout]:
    """Run a multi_stage magazine and return its sections, what was told and what was asked."""
    changed = flags.pop("changed", {})
    given = {"mode": "multi_stage", "polish_enabled": enabled, **flags}
    services, agents, _ = memory_services(scripts(polish=script, **changed))
    graph = build(services, MagazineFlags.model_validate(given)).compile()
    start: Any = {"brief": await services.documents.put(brief_of())}
    notices: Notices = []
    state: dict[str, Any] = {}
    part: Any
    async for kind, part in graph.astream(start, LIMIT, stream_mode=["custom", "values"]):
        if kind == "custom":
            notices.append(part)
        else:
            state = part
    get = services.documents.get
    sections = [await get(WrittenSection, id_) for id_ in written_sections(state["items"])]
    asked = agents.asked("magazine.polish")
    return sections, notices, asked, await get(MagazineLayout, state["layout"])


def changing(section_id: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Any:
    """Polish as usual, and change one section of the answer."""

    def script(asked: Asked) -> Any:
        sections = polish(asked)["sections"]
        return {
            "sections": [
                change(one) if one["section_id"] == section_id else one for one in sections
            ]
        }

    return script


def worded(old: str, new: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    def change(section: Mapping[str, Any]) -> Mapping[str, Any]:
        paragraphs = [
            {**one, "text": one["text"].replace(old, new)} for one in section["paragraphs"]
        ]
        return {**section, "paragraphs": paragraphs}

    return change


async def test_the_whole_article_is_polished_in_one_call_at_the_flags_temperature() -> None:
    sections, notices, asked, layout = await polished(polish_temperature=0.9)
    assert len(asked) == 1
    assert (asked[0].item, asked[0].temperature) == ("polish_layout", 0.9)
    assert asked[0].bounds == {"sections": (0, 6)}
    assert notices == []
    texts = [one.text for section in sections for one in section.paragraphs]
    assert all("들어오면" in text and "들어서면" not in text for text in texts)
    shown = [one.text for section in layout.sections for one in section.paragraphs]
    assert shown == texts


async def test_without_the_flag_nobody_is_asked() -> None:
    sections, _, asked, _ = await polished(enabled=False)
    assert asked == []
    assert "들어서면" in sections[0].paragraphs[0].text


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("걸음 앞에서", "걸음 뒤 옆에서 3번", "없던 수가 생겼습니다: 3번"),
        ("공책 세 권", "공책 네 권", "수가 사라졌습니다: 세권"),
    ],
)
async def test_a_section_that_lost_a_fact_keeps_its_text_and_the_others_are_polished(
    old: str, new: str, lost: str
) -> None:
    sections, notices, _, layout = await polished(changing("s3", worded(old, new)))
    (refused,) = notices
    assert (refused["type"], refused["item"]) == ("polish_refused", "write_section/s3")
    assert lost in refused["lost"]
    assert "들어서면" in sections[2].paragraphs[0].text
    assert new not in sections[2].paragraphs[0].text
    for number in (0, 1, 3, 4, 5):
        assert "들어오면" in sections[number].paragraphs[0].text
    assert layout.status == "complete"


async def test_a_lost_citation_is_refused_for_its_section() -> None:
    def uncited(section: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            **section,
            "paragraphs": [{**one, "post_ids": []} for one in section["paragraphs"]],
        }

    sections, notices, _, _ = await polished(changing("s2", uncited))
    assert [one["lost"] for one in notices] == [["문단의 인용이 달라졌습니다"]]
    assert sections[1].paragraphs[0].post_ids == ("a1",)


async def test_a_polish_must_still_pass_the_sections_rules() -> None:
    sections, notices, _, _ = await polished(changing("s4", worded("보입니다.", "보여.")))
    (refused,) = notices
    assert refused["lost"] == []
    assert "합니다체로 써야" in refused["reason"]
    assert "보여." not in sections[3].paragraphs[0].text


async def test_sections_that_the_answer_leaves_out_stay_as_they_are() -> None:
    def two(asked: Asked) -> Any:
        return {"sections": polish(asked)["sections"][:2]}

    sections, notices, _, _ = await polished(two)
    changed = ["들어오면" in one.paragraphs[0].text for one in sections]
    assert changed == [True, True, False, False, False, False]
    assert notices == []


async def test_an_answer_that_stays_bad_leaves_the_whole_article_unpolished() -> None:
    sections, notices, _, layout = await polished(lambda _: {"sections": [{"section_id": "s99"}]})
    (refused,) = notices
    assert (refused["type"], refused["item"]) == ("polish_refused", "polish_layout")
    assert all("들어서면" in one.paragraphs[0].text for one in sections)
    assert layout.status == "complete"


async def test_placeholders_are_neither_shown_nor_polished() -> None:
    bad = {"write_closing": lambda _: {"heading": "끝", "paragraphs": []}}
    _, _, asked, layout = await polished(changed=bad)
    shown: Any = asked[0].variables["sections"]
    assert [one["section_id"] for one in shown] == ["s1", "s2", "s3", "s4", "s5"]
    assert layout.sections[-1].status == "placeholder"


async def test_copy_of_one_call_may_keep_its_faults_but_a_polish_adds_none() -> None:
    def faulty(asked: Asked) -> Any:
        whole = compose(asked)
        return {**whole, "intro": {**whole["intro"], "heading": "짧"}}

    sections, notices, _, _ = await polished(mode="single_call", changed={"compose": faulty})
    assert [one["type"] for one in notices] == ["fault"]
    assert "들어오면" in sections[0].paragraphs[0].text
