"""Ways to spoil a good answer, as models do."""

from __future__ import annotations

import re
from typing import Any

NO_SUCH_ID = "zz99"
_ID_FIELD = re.compile(r"(?:^|_)ids?$")


def truncated(text: str, share: float = 0.6) -> str:
    """Cut the text after a share of its characters; it is never left whole."""
    return text[: min(int(len(text) * share), len(text) - 1)] if text else text


def malformed(text: str) -> str:
    """Put prose around the JSON, so that no parser takes it."""
    return f"다음은 요청하신 결과입니다:\n```json\n{text}\n```"


def wrong_ids(value: Any) -> Any:
    """Put an id that was never offered into every field named `id`, `…_id` or `…_ids`.

    An empty list of ids gets one. A value without such a field comes back unchanged.
    """
    if isinstance(value, dict):
        return {key: _spoilt(key, part) for key, part in value.items()}
    if isinstance(value, list):
        return [wrong_ids(part) for part in value]
    return value


def _spoilt(key: str, part: Any) -> Any:
    if not _ID_FIELD.search(key):
        return wrong_ids(part)
    if isinstance(part, list):
        return [NO_SUCH_ID] * max(1, len(part))
    return NO_SUCH_ID if isinstance(part, str) else part
