"""An estimate learns from its owner's runs, and tells nothing of another's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fabula.service import create_app
from fabula.settings import Settings
from fabula.store.keys import create_key
from fabula.testing.echo import ECHO
from tests.service.conftest import Ended, serving

BRIEF = {"text": "가을", "count": 2}


async def test_two_owners_see_the_calls_of_their_own_runs_alone(
    settings: Settings, ended: Ended
) -> None:
    app = create_app(settings, products={"echo": ECHO})
    async with serving(app) as api:
        store = app.state.service.store
        tokens = {owner: (await create_key(store, owner=owner))[1] for owner in ("ann", "bob")}
        keys = {owner: {"Authorization": f"Bearer {one}"} for owner, one in tokens.items()}

        async def recorded(owner: str) -> dict[str, int]:
            asked = {"product": "echo", "brief": BRIEF}
            answer = await api.post("/v1/estimate", json=asked, headers=keys[owner])
            assert answer.status_code == 200, answer.text
            return _recorded(answer.json())

        async def run(owner: str, count: int) -> dict[str, int]:
            """Run to the end; return what the run's own estimate had learnt from."""
            asked = {"product": "echo", "brief": {**BRIEF, "count": count}}
            made = await api.post("/v1/runs", json=asked, headers=keys[owner])
            path = f"/v1/runs/{made.json()['run_id']}"
            api.headers.update(keys[owner])
            assert (await ended(api, made.json()["run_id"]))["status"] == "succeeded"
            told = await api.get(f"{path}/artifacts/run.json", headers=keys[owner])
            (note,) = [
                one["note"] for one in told.json()["events"] if one["type"] == "run.estimate"
            ]
            return _recorded(note)

        nothing = {"echo.plan": 0, "echo.write": 0}
        assert await run("ann", 5) == nothing
        assert await recorded("ann") == {"echo.plan": 1, "echo.write": 5}
        assert await recorded("bob") == nothing
        assert await run("bob", 1) == nothing
        assert await run("ann", 3) == {"echo.plan": 1, "echo.write": 5}
        assert await recorded("bob") == {"echo.plan": 1, "echo.write": 1}
        assert await run("bob", 1) == {"echo.plan": 1, "echo.write": 1}
        assert await recorded("ann") == {"echo.plan": 2, "echo.write": 8}


def _recorded(estimate: Mapping[str, Any]) -> dict[str, int]:
    return {line["agent"]: line["recorded"] for line in estimate["lines"]}
