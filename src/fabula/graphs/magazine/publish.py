"""publish: the layout, the page and the pictures, handed to the publisher together."""

from __future__ import annotations

import asyncio
import json

from fabula.documents.magazine import MagazineLayout, MagazineResult, Mode
from fabula.graphs.magazine.state import MagazineState, written_sections
from fabula.nodes import Node, Services, Update


def publish(services: Services, *, mode: Mode) -> Node:
    """Write `layout.json` and `index.html`, publish them with thumbnail and pictures."""

    async def release(state: MagazineState) -> Update:
        from fabula.graphs.magazine.page import render_page

        layout = await services.documents.get(MagazineLayout, state["layout"])
        shown = [one.hash for one in layout.pictures]
        data = {hash_: await services.artifacts.read(hash_) for hash_ in shown}
        page = await asyncio.to_thread(render_page, layout, data, url=services.page_url)
        write = services.artifacts.put
        files = [
            await write("layout.json", layout_json(layout), "application/json"),
            await write("index.html", page.encode(), "text/html; charset=utf-8"),
        ]
        wanted = {state["thumbnail"], *shown}
        files += [
            one
            for one in await services.artifacts.list()
            if one.hash in wanted and one not in files
        ]
        location = await services.publisher.publish(
            [(one, await services.artifacts.read(one.hash)) for one in files]
        )
        result = MagazineResult(
            layout=layout.id,
            status=layout.status,
            title=layout.title,
            location=location,
            mode=mode,
            sources=state.get("sources", ""),
            outline=state.get("outline", ""),
            sections=tuple(written_sections(state.get("items", {}))),
        )
        return {"result": await services.documents.put(result)}

    return release


def layout_json(layout: MagazineLayout) -> bytes:
    """Write the layout as people read it: sorted keys, indented, the same bytes each time."""
    body = layout.model_dump(mode="json")
    return (json.dumps(body, ensure_ascii=False, sort_keys=True, indent=2) + "\n").encode()
