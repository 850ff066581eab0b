"""The multi_stage pipeline from brief to page, on scripted agents."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from PIL import Image

from fabula.documents.magazine import MagazineLayout, MagazineResult, WrittenSection
from fabula.errors import BadInput, Cancelled, OverBudget, Rejected
from fabula.graphs.magazine import MagazineFlags, build, section_plans, written_sections
from fabula.testing.magazine import brief_of, scripts, write
from fabula.testing.memory import Asked, MemoryPublisher, ScriptedAgents, memory_services

SNAPSHOT = Path(__file__).parent / "multi_stage.mmd"
LIMIT: Any = {"recursion_limit": 50}


class Done:
    """What a run left behind."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.notices: list[dict[str, Any]] = []
        self.agents = ScriptedAgents({})
        self.publisher = MemoryPublisher()
        self.services: Any = None

    async def layout(self) -> MagazineLayout:
        layout: MagazineLayout = await self.services.documents.get(
            MagazineLayout, self.state["layout"]
        )
        return layout


async def run(brief: Any = None, *, replace: Any = None, **changed: Any) -> Done:
    done = Done()
    done.services, done.agents, done.publisher = memory_services(scripts(**changed))
    graph = build(done.services, MagazineFlags(mode="multi_stage"), replace=replace or {}).compile()
    given: Any = {"brief": await done.services.documents.put(brief or brief_of())}
    part: Any
    async for mode, part in graph.astream(given, LIMIT, stream_mode=["custom", "values"]):
        if mode == "custom":
            done.notices.append(part)
        else:
            done.state = part
    return done


def failing(*sections: str, times: int = 99) -> Any:
    """Write copy whose heading is too short, for these sections, so many times."""

    def script(asked: Asked) -> Any:
        section = asked.item.rpartition("/")[2]
        answer = write(asked)
        return (
            {**answer, "heading": "짧"} if section in sections and asked.attempt < times else answer
        )

    return script


def test_the_drawing_is_the_documents() -> None:
    services, _, _ = memory_services({})
    drawn = build(services, MagazineFlags(mode="multi_stage")).compile().get_graph().draw_mermaid()
    assert drawn == SNAPSHOT.read_text("utf-8"), "the topology changed: look, then renew the file"


async def test_a_brief_becomes_a_published_article() -> None:
    done = await run()
    result = await done.services.documents.get(MagazineResult, done.state["result"])
    layout = await done.layout()
    assert (result.status, result.title) == ("complete", "작은 공간의 하루")
    assert result.layout == layout.id
    assert [one.type for one in layout.sections] == [
        "intro",
        "spotlight",
        "curation_card",
        "spotlight",
        "curation_card",
        "closing",
    ]
    assert len(done.agents.calls) == 6 + 2
    assert done.notices == []
    assert set(done.publisher.files) == {"layout.json", "index.html", "thumbnail.png"}
    assert json.loads(done.publisher.files["layout.json"]) == layout.model_dump(mode="json")
    assert layout.title in done.publisher.files["index.html"].decode()
    assert Image.open(io.BytesIO(done.publisher.files["thumbnail.png"])).size == (1200, 630)


async def test_state_holds_ids_and_no_text() -> None:
    done = await run()
    assert len(json.dumps(done.state)) < 4000
    assert "작은 공간" not in json.dumps(done.state, ensure_ascii=False)
    assert (
        len(section_plans(done.state["items"])) == len(written_sections(done.state["items"])) == 6
    )


async def test_the_same_brief_gives_the_same_bytes() -> None:
    assert (await run()).publisher.files == (await run()).publisher.files


async def test_pictures_of_the_sources_are_placed_and_published(tmp_path: Path) -> None:
    paths = []
    for name, colour in (("a", "#336699"), ("b", "#993366")):
        Image.new("RGB", (300, 200), colour).save(tmp_path / f"{name}.png")
        paths.append(str(tmp_path / f"{name}.png"))
    posts = [
        one.model_copy(update={"image": path})
        for one, path in zip(brief_of(2).posts, paths, strict=True)
    ]
    done = await run(brief_of(posts=(*posts, *brief_of().posts[2:])))
    shown = [one.picture.name for one in (await done.layout()).sections if one.picture]
    assert len(shown) == 2
    assert set(done.publisher.files) == {"layout.json", "index.html", "thumbnail.png", *shown}
    assert str(tmp_path) not in done.publisher.files["layout.json"].decode()


async def test_only_failed_sections_are_written_again_and_once_with_the_reason() -> None:
    done = await run(write_spotlight=failing("s2", times=1))
    items = [call.item for call in done.agents.calls if call.item.startswith("write_section/")]
    assert items.count("write_section/s2") == 2
    assert len(items) == 6 + 1
    assert [one["type"] for one in done.notices] == ["rewrite"]
    again = [call for call in done.agents.calls if call.attempt == 1]
    assert [call.variables["fix"] for call in again] == ["제목은 1자인데 4~40자여야 합니다."]
    assert (await done.layout()).status == "complete"


async def test_a_section_failing_twice_is_a_placeholder_and_the_article_degraded() -> None:
    done = await run(write_curation_card=failing("s3"))
    layout = await done.layout()
    result = await done.services.documents.get(MagazineResult, done.state["result"])
    assert layout.status == result.status == "degraded"
    assert [one.section_id for one in layout.sections if one.status == "placeholder"] == ["s3"]
    assert layout.sections[2].type == "curation_card"
    assert [call.item for call in done.agents.calls].count("write_section/s3") == 2
    assert [one["type"] for one in done.notices] == ["rewrite", "placeholder"]
    assert done.notices[1:] == [
        {
            "type": "placeholder",
            "item": "write_section/s3",
            "attempts": 2,
            "reason": "제목은 1자인데 4~40자여야 합니다.",
        }
    ]


async def test_an_answer_that_stays_bad_is_a_placeholder_too() -> None:
    done = await run(write_closing=lambda _: {"heading": "끝", "paragraphs": []})
    assert (await done.layout()).sections[-1].status == "placeholder"


async def test_every_section_a_placeholder_is_still_an_article() -> None:
    bad = failing(*(f"s{n}" for n in range(1, 7)))
    names = ("intro", "curation_card", "spotlight", "closing")
    done = await run(**{f"write_{name}": bad for name in names})
    layout = await done.layout()
    assert layout.status == "degraded"
    assert {one.status for one in layout.sections} == {"placeholder"}
    assert "index.html" in done.publisher.files


async def test_an_unknown_template_falls_back_with_a_notice() -> None:
    done = await run(classify=lambda _: {"template_id": "vogue", "reason": "멋져서"})
    assert done.state["template_id"] == "editorial-deep"
    (notice,) = done.notices
    assert notice["type"] == "template_fallback"
    assert "vogue" in notice["reason"]


async def test_two_sections_that_say_the_same_are_told_and_both_stay() -> None:
    first: list[Any] = []

    def same(asked: Asked) -> Any:
        answer = write(asked)
        first.append(answer["paragraphs"])
        texts = [one["text"] for one in first[0]]
        own = list(asked.aliases["post"])
        return {**answer, "paragraphs": [{"text": one, "post_ids": own} for one in texts]}

    done = await run(write_spotlight=same)
    (told,) = done.notices
    assert (told["type"], told["item"]) == ("fault", "write_section/s4")
    assert told["reason"].startswith("s2 섹션과 같은 말이")
    layout = await done.layout()
    assert layout.status == "complete"
    assert layout.sections[1].paragraphs[0].text == layout.sections[3].paragraphs[0].text


@pytest.mark.parametrize("template", ["shopping-guide", "pinterest-board"])
async def test_the_other_templates_give_whole_articles_too(template: str) -> None:
    done = await run(classify=lambda _: {"template_id": template, "reason": "맞습니다"})
    layout = await done.layout()
    assert (layout.status, layout.template_id) == ("complete", template)


async def test_an_outline_that_cites_nothing_real_ends_the_run_as_rejected() -> None:
    def outline(asked: Asked) -> Any:
        end = {"purpose": "본다", "post_ids": []}
        body = [{"type": "spotlight", "purpose": "본다", "post_ids": ["p77"]}] * 2
        return {"title": "제목", "dek": "덱", "intro": end, "body": body, "closing": end}

    with pytest.raises(Rejected, match="p77"):
        await run(outline=outline)


async def test_bad_sources_are_told_one_by_one_and_the_good_ones_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: 가\n---\n골목에 봄이 조용히 왔다.\n", "utf-8")
    (tmp_path / "b.md").write_text("---\ntitle: 나\n---\n", "utf-8")
    (tmp_path / "c.md").write_text(
        "---\ntitle: 다\nimage: none.png\n---\n골목에 여름이 조용히 왔다.\n", "utf-8"
    )
    done = await run(brief_of(posts=(), sources=str(tmp_path)))
    told = [(one["type"], one["source"]) for one in done.notices]
    assert told == [("source_refused", "b.md"), ("picture_refused", "c.md")]
    assert (await done.layout()).status == "complete"


async def test_a_reader_replaces_a_node_by_name() -> None:
    async def generate_thumbnail(state: Any, services: Any) -> dict[str, str]:
        artifact = await services.artifacts.put("thumbnail.png", b"my own", "image/png")
        return {"thumbnail": artifact.hash}

    done = await run(replace={"generate_thumbnail": generate_thumbnail})
    assert done.publisher.files["thumbnail.png"] == b"my own"


async def test_a_reader_replaces_the_verb_of_the_fan_out() -> None:
    async def my_section(slot: Any, carried: Any, services: Any) -> Any:
        if slot["id"] == "write_section/s4":
            return Rejected(agent="mine", item=slot["id"], reason="쓰지 않겠습니다")
        section = await write_with(services, slot, carried)
        return await services.documents.put(section)

    async def write_with(services: Any, slot: Any, carried: Any) -> WrittenSection:
        from fabula.graphs.magazine.sections import write_section

        document = await write_section(services)(slot, carried)
        assert isinstance(document, str)
        section: WrittenSection = await services.documents.get(WrittenSection, document)
        return section.model_copy(update={"heading": f"내가 쓴 {section.section_id}"})

    done = await run(replace={"write_section": my_section})
    layout = await done.layout()
    assert layout.sections[0].heading == "내가 쓴 s1"
    assert layout.sections[3].status == "placeholder"
    assert layout.sections[3].reason == "쓰지 않겠습니다"


async def test_replacing_a_node_that_does_not_exist_lists_the_nodes() -> None:
    with pytest.raises(BadInput, match="write_section, validate_sections, assemble_layout"):
        await run(replace={"write_sections": None})


@pytest.mark.parametrize("stop", [OverBudget("no money"), Cancelled("enough")])
async def test_a_stop_in_one_section_ends_the_run_and_what_was_made_stays(stop: Any) -> None:
    asked: list[str] = []
    stopped: list[bool] = []

    def script(call: Asked) -> Any:
        asked.append(call.item)
        if call.item == "write_section/s4" and not stopped:
            stopped.append(True)
            return stop
        return write(call)

    services, agents, publisher = memory_services(scripts(write_spotlight=script))
    graph = build(services, MagazineFlags(mode="multi_stage")).compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}, **LIMIT}
    given: Any = {"brief": await services.documents.put(brief_of())}
    with pytest.raises(type(stop)):
        await graph.ainvoke(given, config)
    assert publisher.files == {}
    await graph.ainvoke(None, config)
    assert publisher.files == (await run()).publisher.files
    assert [call.item for call in agents.calls].count("plan_outline") == 1
