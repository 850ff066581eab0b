"""Read source posts from files: each by itself, so that a bad one costs only itself."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fabula.briefs import complaint, dotted
from fabula.documents.magazine import MagazineBrief, PostInput, SourceProblem
from fabula.errors import BadInput
from fabula.graphs.magazine.markdown import read_markdown

MAX_BYTES = 2_000_000
MAX_FILES = 500
_FRONT_MATTER = ("id", "title", "author", "url", "date", "image", "image_alt", "tags")


@dataclass(frozen=True)
class Found:
    """A post that can be used, and where its picture is looked for.

    `root` is the folder that the picture may not leave; None: the brief's own author named it.
    """

    source: str
    post: PostInput
    folder: Path | None
    root: Path | None


def read_all(brief: MagazineBrief) -> Iterator[Found | SourceProblem]:
    """Read the brief's sources and inline posts, in order; a second post of one id is a problem.

    Blocks on files. Raises BadInput where `sources` itself cannot be used.
    """
    seen: dict[str, str] = {}
    for found in (*_sources(brief.sources), *_inline(brief)):
        if isinstance(found, Found) and found.post.id in seen:
            first = seen[found.post.id]
            reason = f"id `{found.post.id}`가 {first}와 겹칩니다"
            yield SourceProblem(source=found.source, reason=reason)
            continue
        if isinstance(found, Found):
            seen[found.post.id] = found.source
        yield found


def _inline(brief: MagazineBrief) -> Iterator[Found | SourceProblem]:
    for number, post in enumerate(brief.posts):
        name = f"posts[{number}]"
        yield _found(post.model_dump(exclude_none=True), name, folder=None, root=None)


def _sources(sources: str | None) -> Iterator[Found | SourceProblem]:
    if sources is None:
        return
    if "://" in sources:
        raise BadInput(
            "sources",
            f"`{sources}` is an address; wanted a JSON file or a folder of Markdown files",
            f"`{sources}`는 웹 주소입니다. JSON 파일이나 마크다운 폴더를 적으세요",
        )
    path = Path(sources)
    if path.is_dir():
        yield from _folder(path)
    elif path.is_file():
        yield from _json(path)
    else:
        raise BadInput("sources", f"`{path.name}` does not exist", f"`{path.name}`이 없습니다")


def _folder(folder: Path) -> Iterator[Found | SourceProblem]:
    root = folder.resolve()
    files = sorted(
        file
        for file in folder.rglob("*.md")
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    for file in files[:MAX_FILES]:
        yield _markdown(file, name=file.relative_to(folder).as_posix(), root=root)
    if len(files) > MAX_FILES:
        reason = f"파일이 {len(files)}개입니다. 이름순으로 앞의 {MAX_FILES}개만 읽었습니다"
        yield SourceProblem(source=folder.name, reason=reason)


def _markdown(file: Path, *, name: str, root: Path) -> Found | SourceProblem:
    if not file.resolve().is_relative_to(root):
        return SourceProblem(source=name, reason="폴더 밖을 가리키는 링크입니다")
    try:
        keys, text = read_markdown(_text(file), name=name)
    except BadInput as error:
        return SourceProblem(source=name, reason=error.ko.removeprefix(f"{name}: "))
    # A blog's own keys (layout, categories, …) are no mistakes; only ours are read.
    given = {key: keys[key] for key in _FRONT_MATTER if keys.get(key) is not None}
    return _found({"id": _id(file), **given, "text": text}, name, folder=file.parent, root=root)


def _id(file: Path) -> str:
    """Make an id of a file's name: what an id may not hold becomes a hyphen."""
    stem = unicodedata.normalize("NFC", file.stem)
    return re.sub(r"[^A-Za-z0-9가-힣._-]+", "-", stem).strip("-._")[:80]


def _json(file: Path) -> Iterator[Found | SourceProblem]:
    name = file.name
    try:
        given = json.loads(_text(file))
    except BadInput as error:
        yield SourceProblem(source=name, reason=error.ko.removeprefix(f"{name}: "))
        return
    except (ValueError, RecursionError) as error:
        yield SourceProblem(source=name, reason=f"올바른 JSON이 아닙니다: {error}")
        return
    posts = given.get("posts") if isinstance(given, dict) else given
    if not isinstance(posts, list):
        yield SourceProblem(source=name, reason='글의 목록이나 {"posts": [...]}여야 합니다')
        return
    for number, post in enumerate(posts[:MAX_FILES]):
        yield _found(post, f"{name}[{number}]", folder=file.parent, root=file.parent.resolve())
    if len(posts) > MAX_FILES:
        reason = f"글이 {len(posts)}개입니다. 앞의 {MAX_FILES}개만 읽었습니다"
        yield SourceProblem(source=name, reason=reason)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise BadInput(file.name, f"larger than {MAX_BYTES:,} bytes", "파일이 2 MB를 넘습니다")
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(file.name, "is not UTF-8 text", "UTF-8로 읽을 수 없습니다") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(file.name, f"cannot be read: {reason}", "파일을 읽을 수 없습니다") from None


def _found(
    given: object, source: str, *, folder: Path | None, root: Path | None
) -> Found | SourceProblem:
    if not isinstance(given, Mapping):
        return SourceProblem(source=source, reason="`이름: 값` 꼴이 아닙니다")
    try:
        post = PostInput.model_validate(_clean(given))
    except ValidationError as error:
        first = error.errors()[0]
        unknown = first["type"] == "extra_forbidden"
        reason = f"{dotted(first)}: {'없는 항목입니다' if unknown else complaint(first)}"
        return SourceProblem(source=source, reason=reason)
    return Found(source, post, folder, root)


def _clean(given: Mapping[Any, Any]) -> dict[Any, Any]:
    """Compose Hangul (macOS writes names and texts decomposed) and drop control characters."""
    return {key: _composed(value) for key, value in given.items()}


def _composed(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_composed(one) for one in value]
    if not isinstance(value, str):
        return value
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in unicodedata.normalize("NFC", value) if c in "\n\t" or ord(c) >= ord(" "))
    return "".join(kept).strip()
