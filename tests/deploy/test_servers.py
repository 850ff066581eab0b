"""The stack's own command lines and health checks, run on the real servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.deploy.containers import RedisOfStack

Stack = Mapping[str, Any]


def test_redis_wants_the_password_and_keeps_what_it_was_told(
    stack: Stack, stack_redis: RedisOfStack
) -> None:
    from redis import AuthenticationError, Redis

    password = stack["services"]["redis"]["environment"]["REDIS_PASSWORD"]
    address = f"127.0.0.1:{stack_redis.port}/0"
    with Redis.from_url(f"redis://{address}") as stranger, pytest.raises(AuthenticationError):
        stranger.get("kept")
    with Redis.from_url(f"redis://:{password}@{address}") as client:
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        client.set("kept", "1")
    # A crash, and not an order to end, at which it would write everything.
    stack_redis.kill()
    stack_redis.start()
    stack_redis.wait_until_healthy()
    with Redis.from_url(f"redis://:{password}@{address}") as client:
        assert client.get("kept") == b"1"


def test_redis_is_not_healthy_for_who_has_another_password(stack_redis: RedisOfStack) -> None:
    assert stack_redis.healthy()
    assert not stack_redis.healthy(REDIS_PASSWORD="another")
