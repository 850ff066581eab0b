"""What lies on a writer's desk: documents that the state names, posts as prompt material."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fabula.documents import alias_ids
from fabula.documents.magazine import MagazineBrief, MagazineOutline, Post, SourceSet
from fabula.graphs.magazine.intake.excerpts import stretches
from fabula.graphs.magazine.templates import TemplateSpec, template
from fabula.korean.sentences import split_sentences
from fabula.nodes import Services

ELLIPSIS = "…"
OUTLINE_EXCERPT, OUTLINE_MATERIAL = 600, 60_000
SECTION_EXCERPT, SECTION_MATERIAL = 2_500, 15_000
LEAST_EXCERPT = 120
LEAST_STRETCH = 180


@dataclass(frozen=True)
class Desk:
    """Documents of one run, read once for one step."""

    brief: MagazineBrief
    sources: SourceSet

    @property
    def aliases(self) -> Mapping[str, str]:
        """Every post's alias, the same in each prompt of the run, and the id it stands for."""
        return alias_ids("p", [post.id for post in self.sources.posts])

    def posts(self, ids: Sequence[str]) -> list[Post]:
        """Return the posts of those ids, in the order of the ids."""
        by_id = {post.id: post for post in self.sources.posts}
        return [by_id[id_] for id_ in ids]

    def material(
        self, ids: Sequence[str], *, each: int, together: int
    ) -> list[dict[str, str | bool]]:
        """Return posts for a prompt: alias, title, whether there is a picture, and an excerpt.

        An excerpt has at most `each` characters.
        Many posts share `together` characters between them, so that no prompt grows without bound.
        """
        share = min(each, max(LEAST_EXCERPT, together // max(1, len(ids))))
        alias_of = {id_: alias for alias, id_ in self.aliases.items()}
        return [
            {
                "alias": alias_of[p.id],
                "title": p.title,
                "picture": bool(p.picture),
                "text": shown(p, share),
            }
            for p in self.posts(ids)
        ]


@dataclass(frozen=True)
class WritingDesk(Desk):
    """The desk once the article is planned."""

    spec: TemplateSpec
    outline: MagazineOutline


async def desk(services: Services, state: Mapping[str, Any]) -> Desk:
    """Read brief and sources."""
    return Desk(
        brief=await services.documents.get(MagazineBrief, state["brief"]),
        sources=await services.documents.get(SourceSet, state["sources"]),
    )


async def writing_desk(services: Services, state: Mapping[str, Any]) -> WritingDesk:
    """Read brief, sources, template and outline."""
    basis = await desk(services, state)
    return WritingDesk(
        brief=basis.brief,
        sources=basis.sources,
        spec=template(state["template_id"]),
        outline=await services.documents.get(MagazineOutline, state["outline"]),
    )


def shown(post: Post, limit: int) -> str:
    """Return at most `limit` characters of a post: of a long one, something of each stretch.

    Where there is no room for all of them, stretches spread over the post are taken.
    """
    parts = stretches(post.text, post.excerpts)
    if not parts:
        return excerpt(post.text, limit)
    count = max(1, min(len(parts), limit // LEAST_STRETCH))
    last, gap = len(parts) - 1, f" {ELLIPSIS} "
    chosen = [parts[round(n * last / max(1, count - 1))] for n in range(count)]
    each = (limit - len(gap) * (count - 1)) // count
    return gap.join(excerpt(part, each).removesuffix(f" {ELLIPSIS}") for part in chosen)


def excerpt(text: str, limit: int) -> str:
    """Cut a text to at most `limit` characters, after a whole sentence where one fits."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    # Sentences are looked for a little past the limit only: texts may be very long.
    kept = ""
    for sentence in split_sentences(text[: limit * 2]):
        longer = f"{kept} {sentence}".strip()
        if len(longer) + 2 > limit:
            break
        kept = longer
    return f"{kept} {ELLIPSIS}" if kept else text[: limit - 1] + ELLIPSIS
