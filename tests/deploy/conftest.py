"""The environment file that `make up` would write, the stack filled in from it, its Redis."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy import make_env
from fabula.testing.servers import RedisServer, ServerMissing
from tests.deploy.containers import RedisOfStack
from tests.deploy.stack import EXAMPLE, parse_env, stack_with


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return what the written file sets."""
    folder = tmp_path / "written"
    folder.mkdir()
    shutil.copy(EXAMPLE, folder)
    assert make_env.write(folder)
    return parse_env((folder / ".env").read_text("utf-8"))


@pytest.fixture
def stack(environment: dict[str, str]) -> Mapping[str, Any]:
    return stack_with(environment)


@pytest.fixture
def stack_redis(stack: Mapping[str, Any], tmp_path: Path) -> Iterator[RedisOfStack]:
    """Start the Redis of the stack."""
    if shutil.which(RedisServer.program) is None:
        pytest.skip(ServerMissing(RedisServer.program, RedisServer.package).en)
    with RedisOfStack(stack["services"]["redis"], tmp_path) as redis:
        redis.wait_until_healthy()
        yield redis
