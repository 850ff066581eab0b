"""Read a brief from a file or from plain data, and say which field is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fabula.complaints import complaint
from fabula.documents import uploaded
from fabula.errors import BadInput
from fabula.settings import MAX_YAML_BYTES, read_yaml

M = TypeVar("M", bound=BaseModel)


def load_brief(path: Path, model: type[M]) -> M:
    """Read a brief from a YAML or JSON file; paths in it are relative to the file's folder.

    Raises BadInput naming the file, or the dotted field of the first fault.
    """
    if path.is_dir():
        raise BadInput("brief", f"`{path.name}` is a folder, wanted a YAML or JSON file")
    if path.suffix.lower() == ".json":
        return read_brief(_read_json(path), model, folder=path.parent)
    return read_brief(read_yaml(path), model, folder=path.parent)


def read_brief(given: object, model: type[M], *, folder: Path | None = None) -> M:
    """Validate a brief; with a `folder`, `sources` and pictures of inline posts are found there."""
    if not isinstance(given, Mapping):
        got = type(given).__name__
        raise BadInput(
            "brief", f"is {got}, wanted a mapping of fields", "`이름: 값` 꼴의 문서여야 합니다"
        )
    try:
        return model.model_validate(_placed(given, folder.absolute()) if folder else given)
    except ValidationError as error:
        raise _bad_input(error, model) from None


def dotted(error: ErrorDetails) -> str:
    """Write where an error stands: `posts.0.title`."""
    return ".".join(str(part) for part in error["loc"])


def _read_json(path: Path) -> object:
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise BadInput(path.name, f"is larger than {MAX_YAML_BYTES:,} bytes")
        return json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise BadInput(path.name, "does not exist", "파일이 없습니다") from None
    except UnicodeDecodeError as error:
        raise BadInput(path.name, f"is not UTF-8 text: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(
            path.name, f"is not valid JSON: {error}", f"올바른 JSON이 아닙니다: {error}"
        ) from None


def _placed(given: Mapping[Any, Any], folder: Path) -> dict[Any, Any]:
    placed = dict(given)
    if isinstance(placed.get("sources"), str):
        placed["sources"] = _place(placed["sources"], folder)
    if isinstance(placed.get("posts"), list):
        placed["posts"] = [
            {**post, "image": _place(post["image"], folder)}
            if isinstance(post, Mapping) and isinstance(post.get("image"), str)
            else post
            for post in placed["posts"]
        ]
    return placed


def _place(path: str, folder: Path) -> str:
    # An address stays as it is: the product says what it does with one.
    as_is = "://" in path or uploaded(path) or not path.strip()
    return path if as_is else str(folder / Path(path).expanduser())


def _bad_input(error: ValidationError, model: type[BaseModel]) -> BadInput:
    first, *others = error.errors()
    more_en = f" (and {len(others)} more: {', '.join(map(dotted, others[:5]))})" if others else ""
    more_ko = f" (그 밖에 {len(others)}곳: {', '.join(map(dotted, others[:5]))})" if others else ""
    if first["type"] == "extra_forbidden":
        en, ko = _unknown(first, model)
    else:
        en = f"{first['msg']}; got {_shown(first)}" if first["type"] != "missing" else first["msg"]
        ko = complaint(first)
    return BadInput(dotted(first), en + more_en, ko + more_ko)


def _unknown(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    name = str(error["loc"][-1])
    known = list(model.model_fields) if len(error["loc"]) == 1 else []
    close = get_close_matches(name, known, n=1)
    hint_en = f"; did you mean `{close[0]}`?" if close else ""
    hint_ko = f" 혹시 `{close[0]}`인가요?" if close else ""
    if known and not close:
        hint_en, hint_ko = f"; fields: {', '.join(known)}", f" 쓸 수 있는 이름: {', '.join(known)}"
    return f"is not a field{hint_en}", f"없는 항목입니다.{hint_ko}"


def _shown(error: ErrorDetails) -> str:
    return repr(error["input"])[:80]
