"""The single_call pipeline: one answer, the same page; rules report, breaches empty."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fabula.documents.magazine import MagazineBrief, MagazineLayout, MagazineResult, Mode
from fabula.errors import BadInput, Rejected
from fabula.graphs.magazine import MagazineFlags, build, section_plans, written_sections
from fabula.testing.magazine import brief_of, compose, scripts
from fabula.testing.memory import Asked, MemoryPublisher, ScriptedAgents, memory_services

HERE = Path(__file__).parent
LIMIT: Any = {"recursion_limit": 50}


class Done:
    """What a run left behind."""

    def __init__(self, mode: Mode, changed: Any) -> None:
        self.state: dict[str, Any] = {}
        self.notices: list[dict[str, Any]] = []
        made: tuple[Any, ScriptedAgents, MemoryPublisher] = memory_services(scripts(**changed))
        self.services, self.agents, self.publisher = made
        self.mode = mode

    async def go(self, brief: MagazineBrief, replace: Any) -> Done:
        graph = build(self.services, MagazineFlags(mode=self.mode), replace=replace).compile()
        given: Any = {"brief": await self.services.documents.put(brief)}
        part: Any
        async for kind, part in graph.astream(given, LIMIT, stream_mode=["custom", "values"]):
            if kind == "custom":
                self.notices.append(part)
            else:
                self.state = part
        return self

    async def layout(self) -> MagazineLayout:
        layout: MagazineLayout = await self.services.documents.get(
            MagazineLayout, self.state["layout"]
        )
        return layout


async def run(
    brief: MagazineBrief | None = None,
    *,
    replace: Any = None,
    mode: Mode = "single_call",
    **changed: Any,
) -> Done:
    return await Done(mode, changed).go(brief or brief_of(), replace or {})


def body(*sections: dict[str, Any], **more: Any) -> Any:
    """Compose an article with this body."""

    def answer(asked: Asked) -> Any:
        return {**compose(asked), "body": list(sections), **more}

    return answer


def spotlight(asked: Asked, *, post: str = "p1") -> dict[str, Any]:
    section: dict[str, Any] = compose(asked)["body"][0]
    paragraphs = [{**one, "post_ids": [post]} for one in section["paragraphs"]]
    return {**section, "paragraphs": paragraphs}


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("single_call", {"mode": "single_call"}),
        ("single_call_polish", {"mode": "single_call", "polish_enabled": True}),
        ("multi_stage_polish", {"mode": "multi_stage", "polish_enabled": True}),
    ],
)
def test_the_drawing_is_the_documents(name: str, flags: dict[str, Any]) -> None:
    services, _, _ = memory_services({})
    graph = build(services, MagazineFlags.model_validate(flags)).compile()
    kept = (HERE / f"{name}.mmd").read_text("utf-8")
    assert graph.get_graph().draw_mermaid() == kept, "the topology changed: look, renew the file"


async def test_one_call_becomes_a_published_article() -> None:
    done = await run()
    layout = await done.layout()
    result = await done.services.documents.get(MagazineResult, done.state["result"])
    assert [call.agent for call in done.agents.calls] == ["magazine.compose"]
    assert (result.status, result.mode, layout.template_id) == (
        "complete",
        "single_call",
        "editorial-deep",
    )
    assert [one.type for one in layout.sections] == [
        "intro",
        *["spotlight", "curation_card"] * 2,
        "closing",
    ]
    assert len(layout.citations) == 4
    assert done.notices == []
    assert set(done.publisher.files) == {"layout.json", "index.html", "thumbnail.png"}
    thumbnail = Image.open(BytesIO(done.publisher.files["thumbnail.png"]))
    assert thumbnail.size == (1200, 630)


async def test_it_leaves_the_state_that_many_calls_leave() -> None:
    one, many = await run(), await run(mode="multi_stage")
    assert one.state.keys() == many.state.keys()
    assert one.state["items"].keys() == many.state["items"].keys()
    for slot in one.state["items"].values():
        assert slot["status"] == "accepted"
    assert len(section_plans(one.state["items"])) == len(written_sections(one.state["items"])) == 6
    assert "작은 공간" not in json.dumps(one.state, ensure_ascii=False)


async def test_a_broken_rule_is_told_and_the_section_stays() -> None:
    def short(asked: Asked) -> Any:
        whole = compose(asked)
        return {**whole, "intro": {**whole["intro"], "heading": "짧"}}

    done = await run(compose=short)
    assert done.notices == [
        {
            "type": "fault",
            "item": "write_section/s1",
            "reason": "제목은 1자인데 4~40자여야 합니다.",
        }
    ]
    layout = await done.layout()
    assert (layout.status, layout.sections[0].heading) == ("complete", "짧")
    assert len(done.agents.calls) == 1


async def test_an_empty_section_is_a_placeholder_and_the_article_degraded() -> None:
    def empty(asked: Asked) -> Any:
        whole = compose(asked)
        return {
            **whole,
            "closing": {"heading": "끝", "paragraphs": [{"text": " ", "post_ids": []}]},
        }

    done = await run(compose=empty)
    layout = await done.layout()
    assert (layout.status, layout.sections[-1].status) == ("degraded", "placeholder")
    assert layout.sections[-1].reason == "본문이 비어 있습니다."
    assert [one["type"] for one in done.notices] == ["placeholder"]


async def test_a_quote_that_nobody_said_is_never_published() -> None:
    def invented(asked: Asked) -> Any:
        quote = {
            "type": "quote_pull",
            "heading": "그대로 옮긴 말",
            "quote": "나는 이 집을 단 한 번도 좋아한 적이 없다.",
            "post_id": "p2",
            "lead": "이 말은 책을 덮은 뒤에도 오랫동안 마음에 남습니다.",
        }
        return {**compose(asked), "body": [spotlight(asked), quote]}

    done = await run(compose=invented)
    layout = await done.layout()
    assert (layout.status, layout.sections[2].status) == ("degraded", "placeholder")
    assert "좋아한 적이 없다" not in done.publisher.files["index.html"].decode()
    assert layout.sections[2].quote is None


async def test_what_a_planner_would_have_put_right_is_told() -> None:
    brief = brief_of(featured=("a4",))

    def wrong(asked: Asked) -> Any:
        return {**compose(asked), "template_id": "pinterest-board", "body": [spotlight(asked)] * 2}

    done = await run(brief, compose=wrong)
    told = [(one["item"], one["reason"]) for one in done.notices]
    assert ("compose_layout", "섹션이 4개인데 5~16개여야 합니다.") in told
    assert ("write_section/s2", "모아 보는 보드에는 spotlight 섹션이 없습니다.") in told
    assert ("compose_layout", "꼭 다룰 글이 빠졌습니다: a4.") in told
    assert (await done.layout()).status == "complete"


async def test_a_post_that_does_not_exist_is_refused_as_form() -> None:
    with pytest.raises(Rejected, match="p77"):
        await run(
            compose=lambda asked: {**compose(asked), "body": [spotlight(asked, post="p77")] * 2}
        )


async def test_the_brief_says_how_many_sections_there_are() -> None:
    done = await run(brief_of(sections=5))
    assert done.agents.calls[0].bounds == {"body": (3, 3)}
    assert len((await done.layout()).sections) == 5
    with pytest.raises(Rejected, match="body"):
        await run(brief_of(sections=5), compose=body())


async def test_a_reader_replaces_a_node_of_this_mode_alone() -> None:
    async def compose_layout(state: Any) -> dict[str, Any]:
        raise AssertionError(state["sources"])

    with pytest.raises(AssertionError, match="SourceSet"):
        await run(replace={"compose_layout": compose_layout})
    with pytest.raises(BadInput, match="compose_layout"):
        await run(replace={"plan_outline": compose_layout})


async def test_the_same_brief_gives_the_same_bytes() -> None:
    assert (await run()).publisher.files == (await run()).publisher.files
