"""The page of `fabula compare` in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fabula.documents.magazine import Mode
from fabula.graphs.magazine.comparison import Comparison, Measured, render_comparison
from fabula.graphs.magazine.steps import Step
from tests.browser.looking import LEAST_CONTRAST, SCHEMES, WIDTHS, axe_findings, look

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def measured(mode: Mode, *steps: Step, **changed: Any) -> Measured:
    fields: dict[str, Any] = {
        "status": "succeeded",
        "outcome": "complete",
        "cost": 12.345678,
        "wall_s": 93.4,
        "form_failures": 0,
        "content_failures": 2,
        "placeholders": 1,
        "posts": 16,
        "posts_cited": 8,
        "sections": 6,
        "sections_written": 5,
        "too_many_requests": 3,
        "requests_failed": 4,
        **changed,
    }
    return Measured(
        mode=mode,
        run_id=mode,
        steps=steps,
        calls=sum(step.calls for step in steps),
        input_tokens=sum(step.input_tokens for step in steps),
        output_tokens=sum(step.output_tokens for step in steps),
        **fields,
    )


PAIR = Comparison(
    measured("single_call", Step("compose", 1, 0, 33_375, 3_781)),
    measured(
        "multi_stage",
        Step("classify", 1, 0, 1_800, 40),
        Step("plan", 1, 0, 13_617, 800),
        Step("write", 8, 2, 40_224, 4_100),
        Step("polish", 1, 0, 5_100, 2_400),
        posts_a_section=1.7,
    ),
)


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_the_page_fits(
    chromium: Browser, tmp_path: Path, *, width: int
) -> None:
    path = tmp_path / "compare.html"
    pages: dict[Mode, str] = {"single_call": "a/index.html", "multi_stage": "b/index.html"}
    path.write_text(render_comparison(PAIR, title="가을 골목", pages=pages), encoding="utf-8")
    for scheme in SCHEMES:
        seen = look(chromium, width, scheme)
        seen.open(path)
        assert axe_findings(seen.page) == []
        assert seen.page.evaluate(LEAST_CONTRAST) >= 4.5
        seen.assert_fits()
        assert seen.fetched == []
        assert seen.complaints == []
        ratio = seen.page.get_by_text(f"×{PAIR.token_ratio:g} (1.5-2)")
        assert [one.is_visible() for one in ratio.all()].count(True) == 1
        seen.page.close()
