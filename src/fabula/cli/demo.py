"""`fabula demo`: run the examples with the offline model and show what came out on one page."""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabula.cli.driving import Driven, drive, in_folder
from fabula.cli.edge import DONE, ready_folder, shown
from fabula.cli.terminal import Terminal, usd

if TYPE_CHECKING:
    from fabula.media.gallery import GalleryItem
    from fabula.runs import Runner, RunResult
    from fabula.settings import Settings

EXAMPLES = {"magazine": "magazine/brief.yaml"}
"""Products that have an example, and where its brief is among the examples."""
FLAGS: Mapping[str, Mapping[str, Any]] = {"magazine": {"mode": "multi_stage"}}
"""What the demo shows of a product where its default would show less."""
PROFILE = "offline"
GALLERY = "index.html"
NOTE = (
    "키도 서버도 없이 오프라인 모델이 만들었습니다. 글은 흐름을 보이는 견본입니다. "
    "Made by the offline model: a sample of the pipeline, not of the prose."
)

OUTCOMES = {"complete": "완성", "degraded": "빈 자리 있음"}


async def show_examples(terminal: Terminal, settings: Settings, *, out: Path, browser: bool) -> int:
    """Run every example into `out` and write the gallery, `index.html`, beside them."""
    from fabula.runs.folders import check_beside

    await asyncio.to_thread(ready_folder, out)
    await asyncio.to_thread(check_beside, out, (GALLERY,), EXAMPLES)
    items: list[GalleryItem] = []
    for product, brief in EXAMPLES.items():
        folder = out / product
        driven = await _run_example(terminal, settings, product, examples_folder() / brief, folder)
        if driven.result is None or driven.code != DONE:
            return driven.code
        items.append(_item(product, driven.result))
    page = await asyncio.to_thread(_write_gallery, out, items)
    terminal.say()
    terminal.say(f"보기 / look at: {shown(page)}", style="bold")
    if browser:
        webbrowser.open(page.as_uri())
    return DONE


def examples_folder() -> Path:
    """Return the examples that ship with fabula, or those of the source tree."""
    package = Path(__file__).parents[1]
    installed = package / "_examples"
    return installed if installed.is_dir() else package.parents[1] / "examples"


async def _run_example(
    terminal: Terminal, settings: Settings, product: str, brief: Path, folder: Path
) -> Driven:
    from fabula.runs import new_run_id

    run_id = new_run_id()

    async def start(runner: Runner) -> RunResult:
        return await runner.run(
            product,
            brief,
            flags=FLAGS.get(product, {}),
            profile=PROFILE,
            out=folder,
            door="cli",
            run_id=run_id,
        )

    return await drive(terminal, settings, run_id, start, fresh=True)


def _item(product: str, result: RunResult) -> GalleryItem:
    from fabula.media.gallery import GalleryItem

    names = {artifact.name for artifact in result.artifacts}
    thumbnail = f"{product}/thumbnail.png" if "thumbnail.png" in names else None
    return GalleryItem(
        product=product,
        title=str(getattr(result.document, "title", product)),
        note=NOTE,
        href=f"{product}/index.html",
        thumbnail=thumbnail,
        facts=(
            ("상태", OUTCOMES.get(str(result.outcome), str(result.outcome))),
            ("호출", str(result.calls)),
            ("비용", usd(result.cost)),
            ("파일", str(len(in_folder(result)))),
        ),
    )


def _write_gallery(out: Path, items: Sequence[GalleryItem]) -> Path:
    from fabula.media.gallery import render_gallery

    page = out.absolute() / GALLERY
    page.write_text(render_gallery(items), encoding="utf-8")
    return page
