"""generate_thumbnail: a 1200×630 picture from the sources' own ones, in the template's colours."""

from __future__ import annotations

import asyncio
from functools import partial

from fabula.documents.magazine import MagazineLayout
from fabula.graphs.magazine.state import MagazineState
from fabula.graphs.magazine.templates import template
from fabula.nodes import Node, Services, Update

NAME = "thumbnail.png"
MOST = 3


def generate_thumbnail(services: Services) -> Node:
    """Draw the article's thumbnail with up to three of its pictures."""

    async def draw(state: MagazineState) -> Update:
        from fabula.media.images import Palette, draw_thumbnail

        layout = await services.documents.get(MagazineLayout, state["layout"])
        spec = template(layout.template_id)
        hashes = [one.hash for one in layout.pictures]
        pictures = [await services.artifacts.read(hash_) for hash_ in hashes[:MOST]]
        colours = spec.palette
        drawn = await asyncio.to_thread(
            partial(
                draw_thumbnail,
                title=layout.title,
                kicker=spec.name,
                palette=Palette(colours.paper, colours.ink, colours.accent),
                pictures=pictures,
            )
        )
        artifact = await services.artifacts.put(NAME, drawn, "image/png")
        return {"thumbnail": artifact.hash}

    return draw
