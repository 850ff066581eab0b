"""A run leaves the same folder at every door, and says of each file whether it is in it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

from fabula.cli.demo import examples_folder
from fabula.client import AsyncClient, Client
from fabula.errors import BadInput
from fabula.service import create_app
from fabula.settings import Settings
from fabula.store.documents import FolderPublisher
from fabula.store.published import PUBLISHED
from fabula.store.tables import events
from tests.service.live import live
from tests.service.test_server_option import Command, Service, call, in_a_thread

__all__ = ["call"]
BRIEF = examples_folder() / "magazine" / "brief.yaml"
STORED = re.compile(r"^ +[\d,]+  보관만 함 / stored, not in the folder \((\d+)\)$", re.MULTILINE)


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    with in_a_thread(create_app(settings)) as served:
        yield served


def files_of(folder: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "run.json"
    }


def test_a_run_on_a_service_leaves_the_folder_that_a_run_of_ones_own_leaves(
    call: Command, service: Service, tmp_path: Path
) -> None:
    own, there, later = (tmp_path / name for name in ("own", "there", "later"))
    at = ("--server", service.url)
    here = call("run", "magazine", "--brief", BRIEF, "--out", own)
    done = call("run", "magazine", "--brief", BRIEF, "--out", there, *at)
    assert (here.code, done.code) == (0, 0)
    run = service.run().run_id
    followed = call("follow", run, "--out", later, *at)
    assert files_of(there) == files_of(own)
    assert files_of(later) == files_of(own)
    assert (there / "run.json").is_file()
    lines = [STORED.findall(one.out) for one in (here, done, followed)]
    assert lines[0] == lines[1] == lines[2] != []
    with Client(service.url) as client:
        every = client.artifacts(run)
        told = client.get(run).artifacts
        kept = client.save_all(run, tmp_path / "all", stored=True)
        assert len(client.save_all(run, tmp_path / "result")) < len(kept) == len(every)
    assert told == every
    published = {one.name for one in every if one.published}
    assert published == {*files_of(own), "run.json"}
    assert len(every) - len(published) == int(lines[0][0])
    assert files_of(tmp_path / "result") == files_of(own)


def test_json_says_of_each_file_whether_it_is_published(
    call: Command, service: Service, tmp_path: Path
) -> None:
    told = []
    for more in ((), ("--server", service.url)):
        asked = ("run", "magazine", "--brief", BRIEF, "--out", tmp_path / f"o{len(more)}")
        artifacts = call(*asked, "--json", *more).json["artifacts"]
        told.append({one["name"]: one["published"] for one in artifacts})
    assert told[0] == told[1]
    assert set(told[0].values()) == {True, False}


async def test_what_is_published_is_the_runs_record_and_not_what_lies_in_the_folder(
    settings: Settings,
) -> None:
    app = create_app(settings)
    async with live(app) as web, AsyncClient(str(web.base_url)) as client:
        placed = await client.place("magazine", BRIEF)
        done = await client.wait((await client.submit("magazine", placed)).run_id, timeout_s=60)
        assert done.succeeded
        published = [one.name for one in done.artifacts if one.published]
        (settings.home / "published" / done.run_id / "index.html").unlink()
        found = await client.artifacts(done.run_id)
        assert [one.name for one in found if one.published] == published
        packed = await client.zip(done.run_id, settings.home / "all.zip")
        assert await asyncio.to_thread(_names, packed) == [one.name for one in found]
        # A run of before publications were recorded: nothing is kept from who asks for its result.
        forgotten = events.delete().where(events.c.run == done.run_id, events.c.type == PUBLISHED)
        await app.state.service.store.write_row(forgotten)
        assert all(one.published for one in await client.artifacts(done.run_id))


async def test_a_run_without_a_result_has_published_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: FolderPublisher, files: object) -> str:
        raise BadInput("out", "cannot be written")

    monkeypatch.setattr(FolderPublisher, "publish", refuse)
    async with live(create_app(settings)) as web, AsyncClient(str(web.base_url)) as client:
        placed = await client.place("magazine", BRIEF)
        run = await client.submit("magazine", placed)
        ended = await client.wait(run.run_id, timeout_s=60)
        assert ended.status == "failed"
        assert ended.artifacts
        assert not any(one.published for one in ended.artifacts)
        assert await client.save_all(run.run_id, tmp_path / "result") == []
        made = await client.save_all(run.run_id, tmp_path / "made", stored=True)
        assert len(made) == len(ended.artifacts)


def _names(packed: Path) -> list[str]:
    with ZipFile(packed) as archive:
        return archive.namelist()
