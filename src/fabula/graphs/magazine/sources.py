"""fetch_sources: the brief's posts as documents, their pictures as artifacts."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import NamedTuple

from fabula.documents.magazine import MagazineBrief, Post, SourceProblem, SourceSet
from fabula.errors import BadInput
from fabula.graphs.magazine.reading import Found, read_all
from fabula.graphs.magazine.state import MagazineState
from fabula.nodes import Node, Services, Update, notice

MAX_PICTURE_BYTES = 20_000_000
PICTURES = "pictures/"
LISTED = 40
_SUFFIX = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}


class WebPicture(NamedTuple):
    """A source's picture, made ready for the page."""

    name: str
    media_type: str
    data: bytes


def fetch_sources(services: Services) -> Node:
    """Read every post that the brief names; report each bad one, go on with the good ones.

    Raises BadInput where none is left or where `featured` names one that is not there.
    """

    async def fetch(state: MagazineState) -> Update:
        brief = await services.documents.get(MagazineBrief, state["brief"])
        posts: list[Post] = []
        problems: list[SourceProblem] = []
        for found in await asyncio.to_thread(lambda: list(read_all(brief))):
            if isinstance(found, SourceProblem):
                _report("source_refused", found, problems)
            else:
                posts.append(await _kept(services, found, problems))
        _require(brief, posts, problems)
        sources = SourceSet(posts=tuple(posts), problems=tuple(problems))
        return {"sources": await services.documents.put(sources)}

    return fetch


async def _kept(services: Services, found: Found, problems: list[SourceProblem]) -> Post:
    given, picture = found.post, None
    if given.image is not None:
        try:
            web = await asyncio.to_thread(_picture, found, given.image)
        except ValueError as error:
            reason = f"그림 {Path(given.image).name}: {error}"
            _report("picture_refused", SourceProblem(source=found.source, reason=reason), problems)
        else:
            picture = (await services.artifacts.put(web.name, web.data, web.media_type)).hash
    url = given.url
    if url is not None and not url.lower().startswith(("https://", "http://")):
        reason = "url은 http(s) 주소여야 합니다. 주소 없이 씁니다"
        _report("link_refused", SourceProblem(source=found.source, reason=reason), problems)
        url = None
    return Post(
        id=given.id,
        title=given.title,
        text=given.text,
        author=given.author,
        url=url,
        date=given.date,
        picture=picture,
        picture_alt=given.image_alt if picture else None,
    )


def _picture(found: Found, image: str) -> WebPicture:
    from fabula.media.images import open_picture, web_picture

    if "://" in image:
        raise ValueError("웹 주소가 아니라 파일이어야 합니다")
    path = (found.folder / image if found.folder else Path(image)).resolve()
    if found.root is not None and not path.is_relative_to(found.root):
        raise ValueError("폴더 밖의 파일입니다")
    if not path.is_file():
        raise ValueError("파일이 없습니다")
    if path.stat().st_size > MAX_PICTURE_BYTES:
        raise ValueError(f"파일이 {MAX_PICTURE_BYTES // 1_000_000} MB를 넘습니다")
    try:
        data = path.read_bytes()
    except OSError:
        raise ValueError("파일을 읽을 수 없습니다") from None
    open_picture(data)
    web = web_picture(data)
    media_type = open_picture(web)[0]
    digest = hashlib.sha256(web).hexdigest()[:12]
    return WebPicture(f"{PICTURES}{digest}.{_SUFFIX[media_type]}", media_type, web)


def _report(kind: str, problem: SourceProblem, problems: list[SourceProblem]) -> None:
    problems.append(problem)
    notice(kind, source=problem.source, reason=problem.reason)


def _require(brief: MagazineBrief, posts: list[Post], problems: list[SourceProblem]) -> None:
    if not posts:
        listed = "".join(f"\n  {one.source}: {one.reason}" for one in problems)
        raise BadInput(
            "sources",
            f"no post can be used; name a JSON file, a folder of Markdown files or `posts`{listed}",
            f"쓸 수 있는 글이 없습니다. JSON 파일, 마크다운 폴더나 `posts`를 주세요{listed}",
        )
    ids = [post.id for post in posts]
    if unknown := [id_ for id_ in brief.featured if id_ not in ids]:
        listed = ", ".join(ids[:LISTED]) + (" …" if len(ids) > LISTED else "")
        raise BadInput(
            "featured",
            f"`{unknown[0]}` is no post of this brief; its posts: {listed}",
            f"`{unknown[0]}`라는 글이 없습니다. 있는 글: {listed}",
        )
