"""The clients against a real service: every operation, drops, uploads, keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from fabula.client import AsyncClient, Client, Retry
from fabula.errors import BadInput, Conflict, TooManyRequests, Unauthorized, UnknownRun
from fabula.runs import Runner
from fabula.service import create_app
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.events import list_events
from fabula.store.files import place_of
from fabula.store.keys import create_key
from fabula.testing.echo import ECHO, EchoResult
from fabula.testing.proxy import Proxy, Verdict
from tests.service.live import live, slow_echo
from tests.service.test_decide import ASKING

BRIEF = {"text": "가을 산책", "count": 2}
QUICK = Retry(first_s=0.01, longest_s=0.1)


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, products={"echo": ECHO, "asking": ASKING})
    async with live(app) as client:
        yield client


@pytest.fixture
async def client(web: httpx.AsyncClient) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(str(web.base_url), retry=QUICK) as made:
        yield made


async def test_a_run_from_its_product_to_its_files(client: AsyncClient, tmp_path: Path) -> None:
    assert await client.products() == ("asking", "echo", "magazine")
    info = await client.product("echo")
    assert info.example is not None
    foreseen = await client.estimate("echo", info.example)
    run = await client.submit("echo", info.example, project="책", flags={"writers": 2})
    done = await client.wait(run.run_id, timeout_s=30)
    assert (done.status, done.outcome, done.project) == ("succeeded", "complete", "책")
    assert done.document(EchoResult).status == "complete"
    paid = await client.cost(run.run_id)
    assert paid.calls == done.calls == round(foreseen.calls)
    assert paid.estimate is not None
    saved = await client.save_all(run.run_id, tmp_path / "out")
    assert [one.name for one in saved] == [one.name for one in done.artifacts]
    one = await client.save(run.run_id, "run.json", tmp_path / "one.json")
    assert one.read_bytes() == (tmp_path / "out" / "run.json").read_bytes()
    packed = await client.zip(run.run_id, tmp_path / "all.zip")
    assert packed.stat().st_size > sum(artifact.size for artifact in done.artifacts)
    assert [one.run_id async for one in client.runs(project="책")] == [run.run_id]
    assert [one async for one in client.runs(project="다른")] == []


async def test_the_blocking_client_does_the_same(web: httpx.AsyncClient, tmp_path: Path) -> None:
    def all_of_it() -> list[int | None]:
        with Client(str(web.base_url)) as client:
            run = client.submit("echo", BRIEF)
            seen = [event.seq for event in client.events(run.run_id)]
            assert client.wait(run.run_id).succeeded
            assert {one.name for one in client.save_all(run.run_id, tmp_path)} >= {"run.json"}
            assert [one.run_id for one in client.runs()] == [run.run_id]
            file = tmp_path / "글.md"
            file.write_text("# 가을\n", "utf-8")
            reference = client.upload(file).reference
            assert [one.reference for one in client.files()] == [reference]
            client.delete_file(reference.removeprefix("file:"))
            assert list(client.files()) == []
            return seen

    seen = await asyncio.to_thread(all_of_it)
    assert seen == [*range(1, len(seen)), None]


async def test_a_hundred_drops_miss_nothing_and_repeat_nothing(settings: Settings) -> None:
    app = slow_echo(settings, latency_s=0.01)
    drops = 0
    async with live(app) as web:
        port = web.base_url.port
        assert port is not None

        def judge(data: bytes) -> Verdict:
            return "pass"

        async with Proxy(port, judge) as proxy:
            url = f"http://127.0.0.1:{proxy.port}"
            async with AsyncClient(url, retry=QUICK) as client:
                run = await client.submit("echo", {"text": "가을", "count": 60})
                seen: list[int | None] = []
                async for event in client.events(run.run_id):
                    seen.append(event.seq)
                    if drops < 100:
                        drops += 1
                        for task in list(proxy._tasks):
                            task.cancel()
                stored = await list_events(app.state.service.store, run.run_id)
    assert drops == 100
    assert seen == [*(event.seq for event in stored), None]


async def test_an_answer_that_got_lost_makes_no_second_run(app: FastAPI) -> None:
    lost = 0

    def judge(data: bytes) -> Verdict:
        nonlocal lost
        if data.startswith(b"POST /v1/runs ") and lost < 3:
            lost += 1
            return "cut_after"
        return "pass"

    async with live(app) as web:
        assert web.base_url.port
        async with (
            Proxy(web.base_url.port, judge) as proxy,
            AsyncClient(f"http://127.0.0.1:{proxy.port}", retry=QUICK) as client,
        ):
            run = await client.submit("echo", BRIEF)
            assert [one.run_id async for one in client.runs()] == [run.run_id]
    assert lost == 3


async def test_cancel_resume_and_what_does_not_fit(settings: Settings) -> None:
    async with (
        live(slow_echo(settings, latency_s=0.1)) as web,
        AsyncClient(str(web.base_url), retry=QUICK) as client,
    ):
        run = await client.submit("echo", {"text": "가을", "count": 60}, thread="책")
        with pytest.raises(Conflict) as caught:
            await client.submit("echo", BRIEF, thread="책")
        assert caught.value.run == run.run_id
        async for event in client.events(run.run_id):
            if event.type == "cost":
                break
        await client.cancel(run.run_id)
        assert (await client.wait(run.run_id)).status == "cancelled"
        assert not (await client.resume(run.run_id, budget=1)).rests
        done = await client.wait(run.run_id)
        assert (done.succeeded, done.budget) == (True, 1.0)
        with pytest.raises(Conflict):
            await client.resume(run.run_id)
        with pytest.raises(UnknownRun):
            await client.get("nobody")
        with pytest.raises(BadInput) as wrong:
            await client.submit("echo", {"text": ""})
        assert wrong.value.field == "brief.text"


async def test_a_question_is_answered(client: AsyncClient) -> None:
    run = await client.submit("asking", BRIEF)
    waiting = await client.wait(run.run_id)
    assert [one["name"] for one in waiting.asks] == ["title"]
    with pytest.raises(BadInput):
        await client.decide(run.run_id, {"pick": "c"})
    await client.decide(run.run_id, {"pick": "b"}, ask="title")
    assert (await client.wait(run.run_id)).document(EchoResult).title == "b"


async def test_a_changed_run_costs_what_was_said(client: AsyncClient) -> None:
    info = await client.product("magazine")
    assert info.example is not None
    run = await client.submit("magazine", info.example, flags={"mode": "multi_stage"})
    done = await client.wait(run.run_id)
    asked = {"section_id": "s2", "note": "더 짧게"}
    plan = await client.plan_change(run.run_id, "rewrite", asked)
    assert plan.estimate.calls_most >= 1
    changed = await client.change(run.run_id, "rewrite", asked)
    whole = await client.wait(changed.run_id)
    assert (whole.parent, whole.change) == (done.run_id, "rewrite")
    assert 0 < whole.calls <= plan.estimate.calls_most
    assert whole.kept


async def test_keys_are_wanted_known_and_counted(settings: Settings, app: FastAPI) -> None:
    store = await Store.open(settings)
    try:
        _, token = await create_key(store, owner="me", name="", rate=5)
    finally:
        await store.close()
    async with live(app) as web:
        url = str(web.base_url)
        async with AsyncClient(url) as stranger:
            with pytest.raises(Unauthorized):
                await stranger.products()
        async with AsyncClient(url, api_key=token, retry=Retry(patience_s=0)) as client:
            asked = asyncio.gather(*(client.products() for _ in range(20)))
            with pytest.raises(TooManyRequests) as caught:
                await asked
            assert caught.value.retry_after_s >= 1


async def test_a_file_of_posts_is_sent_with_its_pictures_and_read_there(
    client: AsyncClient, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "느린 길"
    folder.mkdir()
    text = "골목 끝 책방은 아침 아홉 시에 문을 엽니다. 주인은 먼저 마루를 닦습니다. " * 5
    (folder / "index.md").write_text(f"# 책방\n\n{text}\n", "utf-8")
    (tmp_path / "brief.yaml").write_text("angle: 가을\nsources: 느린 길/index.md\n", "utf-8")
    placed = await client.place("magazine", tmp_path / "brief.yaml")
    assert placed["sources"].endswith("/index.md")
    run = await client.wait((await client.submit("magazine", placed)).run_id)
    assert run.succeeded, run.message
    here = await Runner(Settings(home=tmp_path / "here")).run("magazine", tmp_path / "brief.yaml")
    made = {one.name: one.hash for one in run.artifacts if one.name != "run.json"}
    assert made == {one.name: one.hash for one in here.artifacts if one.name != "run.json"}


async def test_only_what_an_upload_holds_can_be_named_of_it(
    client: AsyncClient, web: httpx.AsyncClient, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "글"
    folder.mkdir()
    (folder / "a.md").write_text("# 가을\n", "utf-8")
    placed = await client.place("magazine", {"angle": "가을", "sources": str(folder)})
    (secret := tmp_path / "secret.md").write_text("# 비밀\n", "utf-8")
    store = await Store.open(settings)
    try:
        there = await place_of(store, "local", placed["sources"].removeprefix("file:"))
    finally:
        await store.close()
    assert (there / "a.md").read_text("utf-8") == "# 가을\n"
    up = "../" * 12
    for inside in ("b.md", "a.md/x"):
        with pytest.raises(BadInput) as caught:
            await client.submit("magazine", {**placed, "sources": f"{placed['sources']}/{inside}"})
        assert caught.value.field == "brief.sources"
        assert str(settings.home) not in caught.value.en
    for inside in ("..", "../x", f"{up}{str(secret)[1:]}", f"/{secret}", "a//a.md", "./a.md"):
        with pytest.raises(BadInput):
            await client.submit("magazine", {**placed, "sources": f"{placed['sources']}/{inside}"})
