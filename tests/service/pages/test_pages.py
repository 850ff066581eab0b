"""What pages show and forms do, without a browser: lists, filters, cursors, new runs, files."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI

from fabula.service import create_app
from fabula.service.pages import listing, showing
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.events import Event, insert_events, last_seq
from fabula.testing.echo import ECHO
from tests.service.live import ECHO_RUN, ended, serving
from tests.service.pages.conftest import OWN, words

RUN_ID = re.compile(r'href="/runs/(\d{8}-[0-9a-f]+)"')
SEQ = re.compile(r'<span class="seq">(\d+)</span>')


async def start(api: httpx.AsyncClient, **more: object) -> str:
    run: str = (await api.post("/v1/runs", json={**ECHO_RUN, **more})).json()["run_id"]
    return run


async def test_the_index_leads_to_the_runs(api: httpx.AsyncClient) -> None:
    answer = await api.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
    assert "아직 실행이 없습니다" in (await api.get("/runs")).text


async def test_every_page_forbids_scripts_and_addresses_that_are_not_its_own(
    api: httpx.AsyncClient,
) -> None:
    run = await start(api)
    await ended(api, run)
    for path in ("/runs", f"/runs/{run}", "/runs/new", "/admin/cost", "/runs/none"):
        answer = await api.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*\ssrc=)", answer.text)
        assert not re.search(r"\s(style|on[a-z]+)=", answer.text)
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.text)


async def test_styles_and_scripts_are_named_by_what_they_are(api: httpx.AsyncClient) -> None:
    page = (await api.get("/runs")).text
    for found in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        answer = await api.get(found)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert (await api.get("/static/base.html.j2")).status_code == 404


async def test_long_lists_go_on_at_a_cursor(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ON_A_PAGE", 2)
    made = [await start(api, after_seconds=60) for _ in range(5)]
    seen: list[str] = []
    address: str | None = "/runs?status=queued"
    while address:
        page = (await api.get(address)).text
        seen += RUN_ID.findall(page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        address = following[1].replace("&amp;", "&") if following else None
    assert seen == made[::-1]


async def test_filters_take_what_they_name(api: httpx.AsyncClient) -> None:
    mine = await start(api, after_seconds=60, project="밤")
    other = await start(api, after_seconds=60)
    for query, found in (
        ("project=밤", [mine]),
        ("product=echo", [other, mine]),
        ("product=magazine", []),
        ("status=active", [other, mine]),
        ("status=failed", []),
        ("status=nonsense", [other, mine]),
        ("project=%00", [other, mine]),
    ):
        assert RUN_ID.findall((await api.get(f"/runs?{query}")).text) == found, query
    assert "맞는 실행이 없습니다" in (await api.get("/runs?status=failed")).text
    refused = await api.get("/runs?cursor=bad")
    assert (refused.status_code, "커서" in refused.text) == (422, True)


async def test_a_form_starts_a_run_once(api: httpx.AsyncClient) -> None:
    page = (await api.get("/runs/new?product=echo")).text
    (once,) = re.findall(r'name="once" value="([0-9a-f]{32})"', page)
    assert "가을 산책" in page
    form = {"product": "echo", "once": once, "brief": '{"text": "밤", "count": 1}', "budget": "2"}
    first = await api.post("/runs/new", data=form, headers=OWN)
    again = await api.post("/runs/new", data=form, headers=OWN)
    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    run = await ended(api, first.headers["location"].rpartition("/")[2])
    assert (run["status"], run["budget"], run["queue"]) == ("succeeded", 2.0, "interactive")
    assert len((await api.get("/v1/runs")).json()["runs"]) == 1


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("brief", "{", "brief"),
        ("brief", "[]", "brief"),
        ("brief", '{"text": ""}', "text"),
        ("brief", '{"text": "x", "more": 1}', "more"),
        ("budget", "-1", "budget"),
        ("budget", "nan", "budget"),
        ("flags", '{"writers": 0}', "flags.writers"),
        ("flags", "1", "flags"),
        ("project", "../x", "project"),
        ("profile", "nothing", "nothing"),
        ("product", "none", "none"),
    ],
)
async def test_a_wrong_form_is_shown_again_with_what_is_wrong(
    api: httpx.AsyncClient, *, field: str, value: str, told: str
) -> None:
    form = {"product": "echo", "once": "0" * 32, "brief": '{"text": "적던 글"}', field: value}
    answer = await api.post("/runs/new", data=form, headers=OWN)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert told in words(answer)
    if field != "brief":
        assert "적던 글" in answer.text
    assert (await api.get("/v1/runs")).json()["runs"] == []


async def test_a_brief_names_no_file_of_the_server(api: httpx.AsyncClient) -> None:
    brief = json.dumps({"angle": "가을", "sources": "/etc/passwd"})
    form = {"product": "magazine", "brief": brief}
    answer = await api.post("/runs/new", data=form, headers=OWN)
    assert answer.status_code == 422
    assert "brief.sources" in answer.text


async def test_what_a_run_holds_is_text_and_never_markup(settings: Settings) -> None:
    evil = '<script>alert("x")</script>'
    async with serving(create_app(settings, products={"echo": ECHO})) as api:
        run = await start(api, brief={"text": evil, "count": 1}, thread=evil)
        await ended(api, run)
        await told(api, run, Event("own_fact", item=evil, note={"a": evil}))
        for path in (f"/runs/{run}", f"/runs/{run}/live?after=0&first=1", "/runs"):
            page = (await api.get(path)).text
            assert evil not in page
        assert "&lt;script&gt;" in (await api.get(f"/runs/{run}")).text


async def told(api: httpx.AsyncClient, run: str, *events: Event) -> None:
    """Store further events of a run that has ended."""
    transport = api._transport
    assert isinstance(transport, httpx.ASGITransport)
    app = transport.app
    assert isinstance(app, FastAPI)
    store: Store = app.state.service.store
    after = await last_seq(store, run)
    await store.write(lambda connection: insert_events(connection, run, events, after=after))


async def test_long_runs_show_their_last_events_and_lead_to_earlier_ones(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showing, "WINDOW", 10)
    run = await start(api)
    await ended(api, run)
    await told(api, run, *(Event("own_fact", item=str(number)) for number in range(25)))
    seen: list[int] = []
    address: str | None = f"/runs/{run}"
    while address:
        page = (await api.get(address)).text
        numbers = sorted(int(one) for one in SEQ.findall(page))
        assert len(numbers) == len(set(numbers)) <= 10
        seen = numbers + seen
        earlier = re.search(r'href="([^"]+\?before=\d+)"', page)
        address = earlier[1] if earlier else None
    assert seen == list(range(1, seen[-1] + 1))


async def test_what_changed_since_any_event_is_drawn(api: httpx.AsyncClient) -> None:
    run = await start(api)
    await ended(api, run)
    last = int(SEQ.findall((await api.get(f"/runs/{run}")).text)[-1])
    for after in range(last + 1):
        page = (await api.get(f"/runs/{run}/live?after={after}&first=1")).text
        shown = {int(one) for one in SEQ.findall(page)}
        assert set(range(after + 1, last + 1)) <= shown
        assert f'data-last="{last}"' in page


async def test_files_are_sent_guarded_and_as_a_zip(api: httpx.AsyncClient) -> None:
    run = await start(api)
    await ended(api, run)
    page = (await api.get(f"/runs/{run}")).text
    links = {unquote(one) for one in re.findall(r'href="(/runs/[^"]+/files/[^"?]+)"', page)}
    assert f"/runs/{run}/files/result.json" in links
    for link in links:
        answer = await api.get(link)
        assert answer.status_code == 200
        assert "sandbox" in answer.headers["content-security-policy"]
    saved = await api.get(f"/runs/{run}/files/result.json?download=true")
    assert saved.headers["content-disposition"].startswith("attachment")
    assert (await api.get(f"/runs/{run}/files.zip")).content[:2] == b"PK"
    assert (await api.get(f"/runs/{run}/files/none.txt")).status_code == 404


async def test_what_does_not_fit_how_a_run_stands_is_told_as_a_page(api: httpx.AsyncClient) -> None:
    run = await start(api)
    await ended(api, run)
    for action in ("resume", "decide"):
        answer = await api.post(f"/runs/{run}/{action}", headers=OWN)
        assert answer.status_code == 409
        assert "text/html" in answer.headers["content-type"]
    wrong = await api.post(f"/runs/{run}/resume", data={"budget": "x"}, headers=OWN)
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    "query", ["from=x", "from=2026-02-30", "from=2026-02-02&to=2026-02-01", "from=1990-01-01"]
)
async def test_days_that_are_none_are_named(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/admin/cost?{query}")
    assert answer.status_code == 422
    assert "text/html" in answer.headers["content-type"]
