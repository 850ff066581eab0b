"""fetch_sources: the brief's posts as documents, their pictures as artifacts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fabula.documents.magazine import MagazineBrief, Post, SourceProblem, SourceSet, SourceText
from fabula.errors import BadInput
from fabula.graphs.magazine.intake.excerpts import cut, excerpts_of
from fabula.graphs.magazine.intake.pictures import PICTURES, Pictures, Taken, left_on_the_web
from fabula.graphs.magazine.reading import Found, is_address, read_all
from fabula.graphs.magazine.state import MagazineState
from fabula.korean.particles import attach
from fabula.nodes import Node, Services, Update, notice
from fabula.safety.fetch import Fetched

MAX_PAGE_BYTES = 8_000_000
AT_ONCE = 4
"""How many posts' pictures are taken at a time."""
LISTED = 40
NAMED = 5
"""How many of the files that are written in one encoding a line names; the event holds them all."""
READABLE = (
    *("application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/xml"),
    *("text/xml", "text/html", "application/xhtml+xml", "text/markdown", "text/plain"),
)
"""Media types of the web that posts are read from."""

__all__ = ["PICTURES", "fetch_sources"]


def fetch_sources(services: Services) -> Node:
    """Read every post that the brief names; report each bad one, go on with the good ones.

    Raises BadInput where none is left or where `featured` names one that is not there.
    """

    async def fetch(state: MagazineState) -> Update:
        brief = await services.documents.get(MagazineBrief, state["brief"])
        problems: list[SourceProblem] = []
        fetched = await _fetched(services, brief.sources, problems)
        read = await asyncio.to_thread(lambda: list(read_all(brief, fetched)))
        problems += [one for one in read if isinstance(one, SourceProblem)]
        found = [one for one in read if isinstance(one, Found)]
        posts = []
        pictures = list(zip(found, await _pictures(services, found), strict=True))
        problems += left_on_the_web(pictures)
        for one, taken in pictures:
            problems += (*one.problems, *taken.problems)
            posts.append(await _kept(services, one, taken, problems))
        _tell(problems)
        _require(brief, posts, problems)
        sources = SourceSet(posts=tuple(posts), problems=tuple(problems))
        return {"sources": await services.documents.put(sources)}

    return fetch


async def _fetched(
    services: Services, sources: str | None, problems: list[SourceProblem]
) -> Fetched | None:
    if sources is None or not is_address(sources):
        return None
    try:
        return await services.fetch(sources.strip(), accept=READABLE, most=MAX_PAGE_BYTES)
    except BadInput as error:
        reason = error.ko.removeprefix(f"{error.field}: ")
        problems.append(SourceProblem(source=error.field, reason=reason))
        return None


async def _pictures(services: Services, found: Sequence[Found]) -> Sequence[Taken]:
    pictures, room = Pictures(services.fetch), asyncio.Semaphore(AT_ONCE)

    async def take(one: Found) -> Taken:
        async with room:
            return await pictures.take(one)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(take(one)) for one in found]
    return [task.result() for task in tasks]


async def _kept(
    services: Services, found: Found, taken: Taken, problems: list[SourceProblem]
) -> Post:
    given, picture = found.post, None
    if taken.picture is not None:
        web = taken.picture
        picture = (await services.artifacts.put(web.name, web.data, web.media_type)).hash
    url = given.url
    if url is not None and not url.lower().startswith(("https://", "http://")):
        reason = "url은 http(s) 주소여야 합니다. 주소 없이 씁니다"
        problems.append(SourceProblem(source=found.source, reason=reason, kind="link_refused"))
        url = None
    excerpts, original = excerpts_of(given.text), None
    if excerpts:
        original = await services.documents.put(SourceText(text=given.text))
        notice(
            "source_excerpted",
            source=found.source,
            post_id=given.id,
            reason=f"{len(given.text):,}자 가운데 {len(excerpts)}곳을 골라 씁니다",
            characters=len(given.text),
            excerpts=[[one.start, one.end] for one in excerpts],
        )
    return Post(
        id=given.id,
        title=given.title,
        text=cut(given.text, excerpts),
        author=given.author,
        url=url,
        date=given.date,
        picture=picture,
        picture_alt=taken.picture.alt if taken.picture else None,
        excerpts=excerpts,
        original=original,
    )


def _tell(problems: Sequence[SourceProblem]) -> None:
    """Say each problem, but of pictures no more than people read; the document holds them all."""
    pictures = [one for one in problems if one.kind == "picture_refused"]
    for one in problems:
        if one.kind == "source_decoded":
            continue
        if one.kind != "picture_refused" or one in pictures[:LISTED]:
            notice(one.kind, source=one.source, reason=one.reason)
    if (more := len(pictures) - LISTED) > 0:
        notice(
            "picture_refused", source=f"+{more}", reason=f"쓰지 못한 그림이 {more}건 더 있습니다"
        )
    _tell_encodings([one for one in problems if one.kind == "source_decoded"])


def _tell_encodings(decoded: Sequence[SourceProblem]) -> None:
    """Say each encoding once, with the files that are written in it."""
    for reason in dict.fromkeys(one.reason for one in decoded):
        sources = [one.source for one in decoded if one.reason == reason]
        more = f" 외 {len(sources) - NAMED}개" if len(sources) > NAMED else ""
        named = ", ".join(sources[:NAMED]) + more
        notice("source_decoded", source=named, reason=reason, sources=sources)


def _require(
    brief: MagazineBrief, posts: Sequence[Post], problems: Sequence[SourceProblem]
) -> None:
    if not posts:
        listed = "".join(f"\n  {one.source}: {one.reason}" for one in problems)
        raise BadInput(
            "sources",
            "no post can be used; name a JSON file, a folder of posts, a feed or its address, "
            f"or give `posts`{listed}",
            "쓸 수 있는 글이 없습니다. JSON 파일, 글이 든 폴더, 피드나 그 주소, "
            f"또는 `posts`를 주세요{listed}",
        )
    ids = [post.id for post in posts]
    if unknown := [id_ for id_ in brief.featured if id_ not in ids]:
        listed = ", ".join(ids[:LISTED]) + (" …" if len(ids) > LISTED else "")
        raise BadInput(
            "featured",
            f"`{unknown[0]}` is no post of this brief; its posts: {listed}",
            f"{attach(f'`{unknown[0]}`', '이라는')} 글이 없습니다. 있는 글: {listed}",
        )
