"""Addresses that lead inside are refused wherever one may be given, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.service.live import ECHO_RUN
from tests.service.raw import attacked, post, refused, written
from tests.unit.safety.test_fetch import REFUSED

pytestmark = pytest.mark.asyncio(loop_scope="module")

BY_A_RESOLVER = {
    "a private name",
    "a name with a private second",
    "a mapped answer",
    "a translated answer",
    "a wildcard name",
    "an unknown name",
    "a name without addresses",
}
"""Refused when they are asked, not when they are given."""
SSRF = {name: url for name, url in REFUSED.items() if name not in BY_A_RESOLVER}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FastAPI]:
    async with attacked(tmp_path_factory.mktemp("hostile")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def run(app: FastAPI) -> str:
    made = await post(app, "/v1/runs", ECHO_RUN)
    return str(json.loads(made.body)["run_id"])


@pytest.mark.parametrize("address", SSRF.values(), ids=SSRF)
async def test_a_webhook_may_not_lead_inside(app: FastAPI, run: str, address: str) -> None:
    before = await written(app)
    told = await refused(app, await post(app, "/v1/runs", {**ECHO_RUN, "webhook": address}), before)
    assert (told["code"], told["field"]) == ("bad_input", "webhook")
    changed = {"request": {}, "webhook": address}
    await refused(app, await post(app, f"/v1/runs/{run}/changes/x", changed), before)


@pytest.mark.parametrize("address", SSRF.values(), ids=SSRF)
async def test_material_may_not_come_from_inside(app: FastAPI, address: str) -> None:
    before = await written(app)
    asked = {"product": "magazine", "brief": {"angle": "가을", "sources": address}}
    told = await refused(app, await post(app, "/v1/estimate", asked), before)
    assert told["code"] == "bad_input"
    assert "sources" in told["field"]
