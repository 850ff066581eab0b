"""A magazine is replayed from what it recorded, on a machine that has none of its sources."""

from __future__ import annotations

import asyncio
import shutil
import zipfile
from pathlib import Path

import pytest

from fabula.errors import ReplayMiss
from fabula.gateway import prompts
from fabula.runs import Runner
from fabula.settings import Settings

EXAMPLE = Path(__file__).parents[3] / "examples" / "magazine"


def _bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _texts(archive: Path) -> str:
    with zipfile.ZipFile(archive) as opened:
        names = [one for one in opened.namelist() if not one.endswith((".png", ".jpg", ".webp"))]
        return "\n".join(opened.read(name).decode() for name in names)


@pytest.mark.parametrize(
    ("mode", "polish"), [("multi_stage", False), ("multi_stage", True), ("single_call", False)]
)
async def test_the_archive_alone_gives_the_same_page(
    tmp_path: Path, mode: str, polish: bool
) -> None:
    sources = tmp_path / "sources"
    await asyncio.to_thread(shutil.copytree, EXAMPLE, sources)
    runner = Runner(Settings(home=tmp_path / "home"))
    flags = {"mode": mode, "polish_enabled": polish}
    run = await runner.run("magazine", sources / "brief.yaml", flags=flags, out=tmp_path / "first")
    assert run.succeeded, run.message
    file = await runner.export(run.run_id, tmp_path / "run.zip")
    for gone in (sources, tmp_path / "home"):
        await asyncio.to_thread(shutil.rmtree, gone)
    elsewhere = Runner(Settings(home=tmp_path / "other", profile="cloud"))
    again = await elsewhere.replay(file, out=tmp_path / "again")
    assert (again.same, again.answers_used) == (True, run.calls)
    first, second = [
        await asyncio.to_thread(_bytes, tmp_path / name) for name in ("first", "again")
    ]
    first.pop("run.json")
    assert second == first
    assert {"index.html", "layout.json", "thumbnail.png"} < set(second)
    assert any(name.startswith("pictures/") for name in second)
    assert str(tmp_path) not in await asyncio.to_thread(_texts, file)


async def test_where_the_page_stands_on_the_web_is_kept_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Runner(Settings(home=tmp_path / "home"))
    here = await plain.run("magazine", EXAMPLE / "brief.yaml", out=tmp_path / "plain")
    sited = Runner(Settings(home=tmp_path / "home", site_url="https://example.com/글"))
    there = await sited.run("magazine", EXAMPLE / "brief.yaml", out=tmp_path / "봄 호")
    assert here.succeeded
    assert there.succeeded
    first, second = [
        await asyncio.to_thread(_bytes, tmp_path / name) for name in ("plain", "봄 호")
    ]
    place = "https://example.com/글/%EB%B4%84%20%ED%98%B8/"
    page = second["index.html"].decode()
    assert f'<meta property="og:url" content="{place}">' in page
    assert f'<meta property="og:image" content="{place}thumbnail.png">' in page
    assert "og:url" not in first["index.html"].decode()
    assert {name for name in first if first[name] != second[name]} == {"index.html", "run.json"}
    monkeypatch.setenv("FABULA_SITE_URL", "https://elsewhere.example")
    again = Runner(Settings(home=tmp_path / "home"))
    for run in (here, there):
        assert (await again.replay(run.run_id)).same


async def test_a_prompt_that_was_edited_since_is_missed_by_agent_and_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Runner(Settings(home=tmp_path / "home"))
    run = await runner.run("magazine", EXAMPLE / "brief.yaml", flags={"mode": "multi_stage"})
    edited = await asyncio.to_thread(shutil.copytree, prompts.FOLDER, tmp_path / "prompts")
    path = Path(edited) / "magazine" / "write_closing.md"
    text = await asyncio.to_thread(path.read_text, "utf-8")
    await asyncio.to_thread(path.write_text, text + "\n한 문장 더.\n", "utf-8")
    prompts._parts.cache_clear()
    monkeypatch.setattr(prompts, "FOLDER", Path(edited))
    try:
        with pytest.raises(ReplayMiss) as missed:
            await runner.replay(run.run_id)
    finally:
        prompts._parts.cache_clear()
    assert missed.value.agent == "magazine.write_closing"
    assert missed.value.item.startswith("write_section/s")
