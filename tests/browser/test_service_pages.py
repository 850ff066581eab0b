"""The service's pages in a real browser, while the service executes runs in its own process."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fabula.testing.faults import Script
from fabula.testing.loopback import LoopbackServer
from tests.browser.looking import LEAST_CONTRAST, SCHEMES, WIDTHS, Look, axe_findings, look
from tests.browser.served_process import PATIENCE_S, Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PATIENCE_MS = 1000 * PATIENCE_S
SEQS = "() => [...document.querySelectorAll('.seq')].map(one => Number(one.textContent))"
# What a reload would show in the same place; what ticks is left out.
SHOWN = """() => ['#head', '#actions', '#asks', '#spending', '#files', '#timeline'].map(which => {
  const copy = document.querySelector(which).cloneNode(true);
  for (const one of copy.querySelectorAll('[data-since], [data-until]')) one.textContent = '';
  return copy.textContent.replace(/\\s+/g, '');
})"""
MOVING = """() => [...document.querySelectorAll('*')].filter(el => {
  const style = getComputedStyle(el);
  return style.animationName !== 'none'
    || style.transitionDuration.split(',').some(time => parseFloat(time) > 0);
}).length"""


@pytest.fixture(scope="module")
def models() -> Iterator[LoopbackServer]:
    with LoopbackServer() as server:
        yield server


@pytest.fixture(scope="module")
def served(models: LoopbackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with ExitStack() as stack:
        service = Served(tmp_path_factory.mktemp("served") / "home", models)
        # One call stays open on purpose: a drain would wait for it.
        stack.callback(service.end, at_once=True)
        stack.callback(service.api.close)
        yield service


@pytest.fixture(autouse=True)
def slow(models: LoopbackServer) -> None:
    models.set_script(Script(latency_ms=300))


def tab(browser: Browser, served: Served, path: str) -> Look:
    seen = look(browser, 1440, "light")
    seen.page.set_default_timeout(PATIENCE_MS)
    seen.page.goto(served.url + path)
    seen.page.evaluate("window.unbroken = true")
    return seen


def until(page: Page, expression: str) -> None:
    """Wait for an expression. Playwright's own wait needs `unsafe-eval`, which pages forbid."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def stands(page: Page, status: str) -> None:
    page.locator(f"#head .badge.is-{status}").wait_for()


def caught_up(page: Page, served: Served, run: str) -> None:
    """Check that a page, patched as it went, is what a reload shows: each event once."""
    numbers = served.numbers(run)
    until(page, f"({SEQS})().length >= {len(numbers)} && !busy")
    assert sorted(page.evaluate(SEQS)) == numbers == list(range(1, len(numbers) + 1))
    patched = page.evaluate(SHOWN)
    page.reload()
    assert patched == page.evaluate(SHOWN)


def test_two_tabs_follow_a_run_and_a_reload_in_the_middle_loses_nothing(
    chromium: Browser, served: Served
) -> None:
    run = served.run("echo", {"text": "가을", "count": 9})
    one, two = (tab(chromium, served, f"/runs/{run}") for _ in range(2))
    for seen in (one, two):
        seen.page.locator("#link[data-how=live]").wait_for()
        seen.page.locator(".row.is-running").first.wait_for()
    one.page.reload()
    numbers = one.page.evaluate(SEQS)
    assert len(numbers) == len(set(numbers)) > 0
    for seen in (one, two):
        stands(seen.page, "succeeded")
    # The second tab was patched from beginning to end and never loaded again.
    assert two.page.evaluate("window.unbroken") is True
    for seen in (two, one):
        caught_up(seen.page, served, run)
        assert "12/12" in seen.page.locator("#head").inner_text()
        assert seen.complaints == []
        assert all(url.startswith(served.url) for url in seen.requests)
        seen.page.close()


def test_what_is_open_stays_open_and_keeps_the_focus(chromium: Browser, served: Served) -> None:
    run = served.run("echo", {"text": "가을", "count": 6})
    seen = tab(chromium, served, f"/runs/{run}")
    row = seen.page.locator(".group .row").first
    row.locator("summary").click()
    assert row.locator(".event").first.is_visible()
    place = row.get_attribute("id")
    seen.page.locator(f"#{place}.is-done").wait_for()
    assert seen.page.locator(f"#{place} .event").count() >= 2
    assert seen.page.locator(f"#{place} .event").first.is_visible()
    focused = "document.activeElement.closest('.row')?.id"
    assert seen.page.evaluate(focused) == place
    stands(seen.page, "succeeded")
    seen.page.close()


def test_cancel_and_resume_from_the_page(chromium: Browser, served: Served) -> None:
    run = served.run("echo", {"text": "가을", "count": 12}, flags={"writers": 2})
    one, two = (tab(chromium, served, f"/runs/{run}") for _ in range(2))
    one.page.locator(".row.is-running").first.wait_for()
    one.page.get_by_role("button", name="취소").click()
    for seen in (one, two):
        stands(seen.page, "cancelled")
        seen.page.locator(".row.is-stopped").first.wait_for()
        assert seen.page.locator(".row.is-running").count() == 0
    assert served.api.get(f"/v1/runs/{run}").json()["status"] == "cancelled"

    one.page.get_by_role("button", name="이어서 실행").click()
    for seen in (one, two):
        stands(seen.page, "succeeded")
    assert two.page.evaluate("window.unbroken") is True
    for seen in (two, one):
        caught_up(seen.page, served, run)
        assert seen.complaints == []
        seen.page.close()


def test_a_run_over_its_budget_goes_on_with_a_higher_one(chromium: Browser, served: Served) -> None:
    run = served.run("echo", {"text": "가을", "count": 1}, budget=0.000001)
    seen = tab(chromium, served, f"/runs/{run}")
    stands(seen.page, "over_budget")
    seen.page.get_by_label("새 예산").fill("1.5")
    seen.page.get_by_role("button", name="이어서 실행").click()
    stands(seen.page, "succeeded")
    assert "$1.5" in seen.page.locator("#head").inner_text()
    seen.page.close()


def test_a_person_decides_on_the_page_and_sees_what_came_of_it(
    chromium: Browser, served: Served
) -> None:
    run = served.run("choice", {"text": "가을", "count": 1})
    one, two = (tab(chromium, served, f"/runs/{run}") for _ in range(2))
    for seen in (one, two):
        stands(seen.page, "waiting")
        seen.page.get_by_role("heading", name="어느 제목이 좋은가요?").wait_for()
        assert "<script>alert(1)</script>" in seen.page.locator(".material").inner_text()
    one.page.get_by_label("까닭").fill("낫다")
    # News of the run takes nothing away that somebody is typing.
    one.page.evaluate("draw()")
    assert one.page.get_by_label("까닭").input_value() == "낫다"
    one.page.get_by_label("b", exact=True).check()
    one.page.get_by_label("크게").check()
    copies = one.page.locator("input[name='answer.copies']")
    copies.fill("x")
    one.page.get_by_role("button", name="이렇게 결정").click()
    # A wrong answer takes nothing away either, nor does the news that follows it.
    one.page.get_by_role("alert").get_by_text("copies").first.wait_for()
    one.page.evaluate("draw()")
    assert copies.input_value() == "x"
    assert one.page.get_by_label("까닭").input_value() == "낫다"
    copies.fill("1")
    one.page.get_by_role("button", name="이렇게 결정").click()
    for seen in (one, two):
        stands(seen.page, "succeeded")
        assert seen.page.locator(".ask").count() == 0
        frame = seen.page.frame_locator("#files iframe")
        told = frame.locator("h1").inner_text()
        assert told == '{"copies": 1, "loud": true, "pick": "b", "why": "낫다"}'
        # What a run made is shown, and runs nothing.
        assert seen.page.evaluate("typeof window.hacked") == "undefined"
        seen.page.get_by_text("result.json").first.click()
        assert "낫다" in seen.page.get_by_label("result.json").inner_text()
        seen.page.close()


def test_the_service_dies_and_comes_back_and_the_page_misses_nothing(
    chromium: Browser, models: LoopbackServer, tmp_path: Path
) -> None:
    served = Served(tmp_path / "home", models)
    with closing(served.api):
        try:
            run = served.run("echo", {"text": "가을", "count": 8}, flags={"writers": 2})
            seen = tab(chromium, served, f"/runs/{run}")
            seen.page.locator(".group .row.is-running").first.wait_for()
            served.end(at_once=True)
            seen.page.locator("#link[data-how=away]").wait_for()
            served.start()
            stands(seen.page, "succeeded")
            assert seen.page.evaluate("window.unbroken") is True
            caught_up(seen.page, served, run)
            seen.page.close()
        finally:
            served.end()


def test_a_form_starts_a_run_of_the_example(chromium: Browser, served: Served) -> None:
    seen = tab(chromium, served, "/runs")
    seen.page.get_by_role("link", name="새 실행").first.click()
    seen.page.get_by_label("제품").select_option("magazine")
    seen.page.get_by_role("button", name="예시 불러오기").click()
    seen.page.get_by_label("예산").fill("0.5")
    seen.page.get_by_role("button", name="시작").click()
    seen.page.wait_for_url("**/runs/2*")
    stands(seen.page, "succeeded")
    frame = seen.page.frame_locator("#files iframe")
    assert frame.locator("h1").inner_text().startswith("가을")
    seen.page.locator("#files img").first.wait_for(state="attached")
    assert seen.complaints == []
    seen.page.close()


def test_the_list_follows_runs_by_itself(chromium: Browser, served: Served) -> None:
    seen = tab(chromium, served, "/runs?product=choice")
    run = served.run("choice", {"text": "가을", "count": 1})
    seen.page.locator(f"#run-{run} .badge.is-waiting").wait_for()
    assert seen.page.evaluate("window.unbroken") is True
    seen.page.close()


def test_the_cost_pages_sums_are_the_ledgers(chromium: Browser, served: Served) -> None:
    served.resting(served.run("echo", {"text": "가을", "count": 3}))
    served.resting(served.run("choice", {"text": "가을", "count": 1}))
    for _ in range(2):
        with closing(sqlite3.connect(served.home / "fabula.db")) as database:
            ((paid, calls),) = database.execute(
                "SELECT sum(cost), count(*) FROM ledger WHERE state = 'answered'"
            ).fetchall()
        seen = tab(chromium, served, "/admin/cost")
        nano = "all => all.map(one => Number(one.value.replace('.', '')))"
        total = seen.page.locator("#total data").evaluate_all(nano)
        by = {
            which: seen.page.locator(f"#costs-{which} td:nth-child(2) data").evaluate_all(nano)
            for which in ("day", "product", "step", "model")
        }
        assert total == [paid]
        assert {which: sum(found) for which, found in by.items()} == dict.fromkeys(by, paid)
        assert f"{calls:,}" in seen.page.locator("dl.sums").inner_text()
        seen.page.close()
        # Once more with something that was sent and never answered.
        with closing(sqlite3.connect(served.home / "fabula.db", timeout=30)) as database:
            database.execute(
                "INSERT INTO ledger SELECT 'lost', run, 'lost', epoch, 'in_doubt', agent, item, 9, "
                "9, provider, model, NULL, 1, 777, NULL, NULL, NULL, NULL, NULL, claimed_at, NULL "
                "FROM ledger WHERE state = 'answered' LIMIT 1 ON CONFLICT DO NOTHING"
            )
            database.commit()
    empty = tab(chromium, served, "/admin/cost?from=2020-01-01&to=2020-01-31")
    assert empty.page.locator("#total data").get_attribute("value") == "0.000000000"
    assert empty.page.locator("table").count() == 0
    empty.page.close()


@pytest.fixture(scope="module")
def stock(served: Served, models: LoopbackServer) -> dict[str, str]:
    """Make runs that stand in many ways; return their pages by name."""
    models.set_script(Script())
    example = served.api.get("/v1/products/magazine").json()["example"]
    made = {
        "done": served.run("magazine", example, flags={"mode": "multi_stage"}, thread="가" * 128),
        "waiting": served.run("choice", {"text": "가을", "count": 1}),
        "poor": served.run("echo", {"text": "가을", "count": 40}, budget=0.0000001),
        "queued": served.run("echo", {"text": "가을"}, after_seconds=3600),
        "long": served.run("echo", {"text": "가을", "count": 12}, project="가" * 64),
    }
    for name in ("done", "waiting", "poor", "long"):
        served.resting(made[name])
    pages = {name: f"/runs/{run}" for name, run in made.items()}
    return {
        **pages,
        "list": "/runs",
        "none": "/runs?status=timed_out",
        "new": "/runs/new?product=magazine",
        "cost": "/admin/cost",
        "wrong": "/runs/nothing",
    }


@pytest.fixture(scope="module")
def running(served: Served, models: LoopbackServer) -> str:
    """Begin a run whose first question stays open; return its page."""
    models.set_script(Script(latency_ms=600_000))
    asked = len(models.calls)
    run = served.run("echo", {"text": "가을", "count": 3})
    deadline = time.monotonic() + PATIENCE_S
    # How long a question takes is decided when it arrives.
    while len(models.calls) == asked:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return f"/runs/{run}"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_every_page_fits(
    chromium: Browser,
    served: Served,
    stock: dict[str, str],
    running: str,
    *,
    width: int,
    scheme: Any,
) -> None:
    for name, path in {"running": running, **stock}.items():
        seen = look(chromium, width, scheme)
        seen.page.goto(served.url + path)
        seen.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert axe_findings(seen.page) == [], name
        seen.assert_fits()
        assert seen.page.evaluate(LEAST_CONTRAST) >= 4.5, name
        assert [url for url in seen.fetched if not url.startswith(served.url)] == [], name
        # A page that is not there is one that the browser remarks upon.
        assert seen.complaints == [] or name == "wrong", name
        seen.page.close()


def test_nothing_moves_where_motion_is_unwanted(
    chromium: Browser, served: Served, running: str
) -> None:
    page = chromium.new_page(reduced_motion="reduce")
    page.goto(served.url + running)
    assert page.locator(".icon-running").count() > 0
    assert page.evaluate(MOVING) == 0
    page.close()


def test_the_keyboard_reaches_the_text_first(
    chromium: Browser, served: Served, stock: dict[str, str]
) -> None:
    seen = look(chromium, 390, "light")
    seen.page.emulate_media(reduced_motion="reduce")
    seen.page.goto(served.url + stock["done"])
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    assert seen.page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    seen.page.close()


def test_without_scripts_a_page_shows_everything_and_looks_again_by_itself(
    chromium: Browser, served: Served, stock: dict[str, str], running: str
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.url + stock["done"])
    numbers = served.numbers(stock["done"].rpartition("/")[2])
    assert sorted(int(one) for one in page.locator(".seq").all_text_contents()) == numbers
    context.close()
    # Chromium reads <noscript> as if there were scripts, also where they are switched off.
    refreshed = '<noscript><meta http-equiv="refresh" content="5"></noscript>'
    assert refreshed in served.api.get(running).text
    assert refreshed not in served.api.get(stock["done"]).text
