"""The loopback server's own limit."""

from __future__ import annotations

import httpx

from fabula.testing.faults import Script
from fabula.testing.loopback import LoopbackServer
from fabula.testing.turnstile import Turnstile


def test_a_burst_goes_through_and_then_the_rate() -> None:
    now = 0.0
    turnstile = Turnstile(clock=lambda: now)
    assert [turnstile.lets_through(10, 3) for _ in range(4)] == [True, True, True, False]
    now = 0.1
    assert [turnstile.lets_through(10, 3) for _ in range(2)] == [True, False]
    now = 60.0
    assert sum(turnstile.lets_through(10, 3) for _ in range(9)) == 3


def test_a_server_answers_429_to_what_comes_too_fast_and_bills_none_of_it() -> None:
    script = Script(per_s=0.001, burst=2, retry_after_s=3)
    with LoopbackServer(script=script, answer=lambda _: {"text": "글"}) as server:
        body = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
        with httpx.Client(base_url=server.base_url, trust_env=False) as client:
            answers = [client.post("chat/completions", json=body) for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert answers[2].headers["retry-after"] == "3"
        assert server.stats()["paid"] == 2
