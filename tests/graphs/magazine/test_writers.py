"""How many sections are written at once: as many as the setting allows, and never more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fabula.gateway.provider import ChatAnswer, ChatProvider, ChatRequest, OnToken
from fabula.runs import Runner
from fabula.settings import Settings
from fabula.testing.magazine import brief_of
from fabula.testing.scripted import ScriptedModel, scripted_provider

SECTIONS = 6
LINGER_S = 0.1
GIVE_UP_S = 20.0


class Turnstile:
    """Hold each section's question until `together` of them are on their way."""

    def __init__(self, inner: ChatProvider, together: int) -> None:
        self._inner = inner
        self._gate = asyncio.Barrier(together)
        self._inside = 0
        self.asked: list[str] = []
        self.most = 0

    async def complete(self, request: ChatRequest, on_token: OnToken | None = None) -> ChatAnswer:
        if not request.item.startswith("write_section/"):
            return await self._inner.complete(request, on_token)
        self.asked.append(request.item)
        self._inside += 1
        self.most = max(self.most, self._inside)
        try:
            async with asyncio.timeout(GIVE_UP_S):
                await self._gate.wait()
            # Whoever was let in against the limit has time to come.
            await asyncio.sleep(LINGER_S)
            return await self._inner.complete(request, on_token)
        finally:
            self._inside -= 1


@pytest.mark.parametrize("limit", [None, 1, 2, 6])
async def test_as_many_sections_are_written_at_once_as_the_variable_says(
    limit: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if limit is not None:
        monkeypatch.setenv("MAGAZINE_MAX_PARALLEL_SECTION_WRITERS", str(limit))
    wanted = limit or 3
    held = Turnstile(scripted_provider(ScriptedModel()), wanted)
    settings = Settings.load(home=tmp_path)
    runner = Runner(settings, providers={"offline": held})
    result = await runner.run("magazine", brief_of(), flags={"mode": "multi_stage"})
    assert (result.status, result.outcome) == ("succeeded", "complete"), result.message
    assert sorted(held.asked) == [f"write_section/s{n}" for n in range(1, SECTIONS + 1)]
    assert held.most == wanted
