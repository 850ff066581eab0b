"""What lies in the queue is data: only calls that fit are made, the rest is answered."""

from __future__ import annotations

import json
import logging
import os
import pickle
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from arq.worker import Retry

from fabula.errors import StoreUnavailable
from fabula.gateway.faults import no_hook
from fabula.products import product
from fabula.runs.execution import Setup
from fabula.runs.queue.pool import Pool
from fabula.runs.queue.queueing import RunQueue
from fabula.runs.queue.ringing import NoBell
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.runs import get_run, list_runs
from fabula.testing.echo import ECHO
from fabula.testing.magazine import brief_of
from fabula.worker.jobs import REFUSED, Jobs, reader

NAMES = ("run_product", "editorial_article_job")
BRIEF = {"text": "가을 산책", "count": 2}
CONTEXT = {"job_id": "job-1"}


class Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


def raw(function: str, *given: object, **named: object) -> bytes:
    return json.dumps({"f": function, "a": given, "k": named, "t": None, "et": 1}).encode()


def timed(**times: object) -> bytes:
    return json.dumps({**json.loads(raw("run_product", "echo", BRIEF)), **times}).encode()


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[Jobs]:
    settings = Settings(home=tmp_path / "home")
    store = await Store.open(settings)
    products = {"echo": ECHO}
    queue = RunQueue(settings, store, NoBell(), products=products)
    pool = Pool(Setup(settings, store, no_hook, {}, None), products=products)
    yield Jobs(queue, pool)
    await pool.close()
    await store.close()


def store_of(jobs: Jobs) -> Store:
    return jobs.queue._store


def test_a_call_that_fits_is_read_as_it_is() -> None:
    job = reader(*NAMES)(raw("run_product", "echo", BRIEF, project="p"))
    assert (job["f"], job["a"], job["k"]) == ("run_product", ["echo", BRIEF], {"project": "p"})


@pytest.mark.parametrize(
    ("body", "function", "why"),
    [
        (raw("delete_everything", "now"), "delete_everything", "function"),
        (raw("refused", "x", "y"), "refused", "function"),
        (raw("run_product", "echo"), "run_product", "arguments"),
        (raw("run_product", "echo", {}, 3), "run_product", "arguments"),
        (raw("run_product", "echo", {}, product="echo"), "run_product", "arguments"),
        (raw("run_product", "echo", {}, ctx={}), "run_product", "arguments"),
        (raw("editorial_article_job"), "editorial_article_job", "arguments"),
        (b'{"f": "run_product"}', "?", "format"),
        (b"[1, 2]", "?", "format"),
        (b"\xff\xfe", "?", "format"),
        (b"[" * 100_000, "?", "format"),
        (b"", "?", "format"),
        (timed(t="x"), "?", "format"),
        (timed(t=[1]), "?", "format"),
        (timed(et=99999999999999999999), "?", "format"),
        (timed(et=-1), "?", "format"),
        (timed(et="1"), "?", "format"),
        (raw("run_product", "echo", BRIEF).replace(b'"et": 1', b'"et": 1e400'), "?", "format"),
    ],
)
def test_a_job_of_another_kind_becomes_a_refusal(body: bytes, function: str, why: str) -> None:
    job = reader(*NAMES)(body)
    assert (job["f"], job["a"]) == (REFUSED, [function, why])


def test_a_pickled_job_is_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = reader(*NAMES)(pickle.dumps({"f": "run_product", "a": (Bomb(),), "k": {}}))
    assert (job["f"], job["a"]) == (REFUSED, ["?", "pickle"])
    assert not (tmp_path / "unpickled").exists()


async def test_a_refusal_is_an_alert_that_names_the_way_in(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    counted: list[str] = []
    jobs.on_refused = counted.append
    await jobs.refused(CONTEXT, "old_job", "pickle")
    (told,) = caplog.records
    assert told.levelno == logging.ERROR
    for word in ("alert", "job-1", "old_job", "pickle", "run_product", "fabula.client.enqueue"):
        assert word in told.getMessage()
    assert counted == ["pickle"]


async def test_a_job_names_nothing_that_lies_on_the_workers_machine(
    tmp_path: Path, jobs: Jobs
) -> None:
    (tmp_path / "own.md").write_text("비밀")
    jobs.queue._products = {"magazine": product("magazine")}
    for sources in (str(tmp_path), str(tmp_path / "own.md"), "posts", "http://127.0.0.1/feed"):
        answer = await jobs.editorial_article_job(CONTEXT, {"angle": "가을", "sources": sources})
        assert answer["error"]["code"] == "bad_input", sources
        assert "brief.sources" in answer["error"]["en"]
    assert await list_runs(store_of(jobs), 5) == []


async def test_the_job_id_is_the_idempotency_key(jobs: Jobs) -> None:
    first = await jobs.run_product(CONTEXT, "echo", BRIEF, project="p")
    again = await jobs.run_product(CONTEXT, "echo", BRIEF, project="p")
    assert (first["new"], again) == (True, {"run_id": first["run_id"], "new": False})
    row = await get_run(store_of(jobs), first["run_id"])
    assert (row.door, row.queue, row.status, row.project) == ("arq", "batch", "queued", "p")
    assert row.idempotency_key == "arq:job-1"


async def test_a_job_with_the_id_of_another_is_refused(jobs: Jobs) -> None:
    await jobs.run_product(CONTEXT, "echo", BRIEF)
    answer = await jobs.run_product(CONTEXT, "echo", {**BRIEF, "count": 3})
    assert answer["error"]["code"] == "idempotency_conflict"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"product": "nothing", "brief": BRIEF}, "nothing"),
        ({"product": "echo", "brief": {"text": ""}}, "text"),
        ({"product": "echo", "brief": 3}, "brief"),
        ({"product": "echo", "brief": BRIEF, "priority": 9}, "priority"),
        ({"product": "echo", "brief": BRIEF, "queue": "gpu"}, "queue"),
        ({"product": "echo", "brief": BRIEF, "owner": ""}, "owner"),
        ({"product": "echo", "brief": BRIEF, "flags": {"writers": 0}}, "writers"),
    ],
)
async def test_what_cannot_be_run_is_answered_and_leaves_no_row(
    jobs: Jobs, given: Mapping[str, Any], named: str, caplog: pytest.LogCaptureFixture
) -> None:
    counted: list[str] = []
    jobs.on_refused = counted.append
    answer = await jobs.run_product(CONTEXT, **given)
    assert named in answer["error"]["en"]
    assert counted == ["bad_input"]
    assert "alert" in caplog.text
    assert await list_runs(store_of(jobs), 5) == []


async def test_the_alias_asks_for_the_magazine(jobs: Jobs) -> None:
    made = await jobs.editorial_article_job(CONTEXT, brief_of(3).model_dump(mode="json"))
    assert (await get_run(store_of(jobs), made["run_id"])).product == "magazine"


async def test_a_job_waits_while_the_database_is_away(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*given: object, **named: object) -> tuple[str, bool]:
        raise StoreUnavailable("away")

    monkeypatch.setattr(jobs.queue, "submit", away)
    with pytest.raises(Retry):
        await jobs.run_product(CONTEXT, "echo", BRIEF)
