"""How single settings are read, and what they want where pydantic's own words do not say it."""

from __future__ import annotations

import json
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_core import PydanticCustomError

WANTED = {
    "site_url": (
        "wanted an http(s) address without user, query and #, such as https://example.com/magazine",
        "사용자 이름, 물음표, #이 없는 http(s) 주소여야 합니다. 예: https://example.com/magazine",
    ),
    "artifacts_url": (
        "wanted a file:// address, such as file:///var/lib/fabula",
        "file:// 주소여야 합니다. 예: file:///var/lib/fabula",
    ),
    "redis_url": (
        "wanted the address of a Redis, such as redis://host:6379/0, or rediss:// with TLS",
        "Redis 주소여야 합니다. 예: redis://host:6379/0, TLS면 rediss://",
    ),
    "fetch_private_hosts": (
        "wanted hosts, each `host` or `host:port`, such as wiki.corp,127.0.0.1:8080",
        "`호스트`나 `호스트:포트`를 쉼표로 이어 쓰세요. 예: wiki.corp,127.0.0.1:8080",
    ),
    "flags": (
        'wanted a mapping by product, such as {"magazine": {"mode": "multi_stage"}}',
        '제품별 `이름: 값` 꼴이어야 합니다. 예: {"magazine": {"mode": "multi_stage"}}',
    ),
}
"""What a setting wants, in English and Korean."""
_SHOWN = 80
Host = Annotated[str, Field(pattern=r"""^(\[[0-9a-fA-F:.]+\]|[^\s/@"'\[\]{}:]+)(:[0-9]{1,5})?$""")]


def site(given: str | None) -> str | None:
    """Return the address with a slash behind it, an empty one as none."""
    if given is None or not given.strip():
        return None
    try:
        parts = urlsplit(given.strip())
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    odd = re.search(r"[\s\\<>\"'`\x00-\x20\x7f]", given.strip())
    if not whole or odd or "@" in parts.netloc or parts.query or parts.fragment:
        raise PydanticCustomError("site_url", "no address of a site")
    return given.strip().rstrip("/") + "/"


def redis(given: SecretStr | None) -> SecretStr | None:
    """Return the address as it is; what the Redis client would only stumble over is refused."""
    if given is None:
        return None
    try:
        parts = urlsplit(given.get_secret_value())
        whole = parts.scheme == "unix" or (
            parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
        )
    except ValueError:
        whole = False
    if not whole:
        raise PydanticCustomError("redis_url", "no address of a Redis")
    return given


def listed(given: object) -> object:
    """Read a list that is written as JSON or with commas."""
    if not isinstance(given, str):
        return given
    try:
        read = json.loads(given)
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, list):
        return read
    return [one.strip() for one in given.split(",") if one.strip()]


def mapped(given: object) -> object:
    """Read a mapping that is written as JSON; what is none is left to be refused."""
    try:
        return json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        return given


def shown(value: object) -> str:
    """Write a value as far as it may be shown: what stands before an `@` may be a password."""
    _, at, rest = str(value).rpartition("@")
    text = f"***{at}{rest}" if at else rest
    return f"`{text.partition('?')[0][:_SHOWN]}`"
