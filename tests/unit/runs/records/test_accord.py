"""An archive that was altered together with its manifest: its parts, its ends, its digest."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fabula.errors import BadInput
from fabula.runs import Runner
from fabula.runs.records.carrying import digest_of
from fabula.runs.records.contents import FileEntry
from fabula.settings import Settings
from fabula.testing.echo import ECHO
from fabula.testing.scripted import ScriptedModel

MakeRunner = Callable[..., tuple[Runner, ScriptedModel]]
Members = dict[str, bytes]


@pytest.fixture
async def archive(make_runner: MakeRunner, tmp_path: Path) -> Path:
    runner, _ = make_runner()
    run = await runner.run("echo", {"text": "가을", "count": 2}, run_id="r1")
    return await runner.export(run.run_id, tmp_path / "r1.zip")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Runner:
    return Runner(Settings(home=tmp_path / "elsewhere"), products={"echo": ECHO})


def members_of(archive: Path) -> Members:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(path: Path, members: Members) -> Path:
    """Pack members with a manifest that agrees with every one of them."""
    manifest = json.loads(members["manifest.json"])
    manifest["files"] = {
        name: FileEntry.of(data).model_dump()
        for name, data in members.items()
        if name != "manifest.json"
    }
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in {**members, "manifest.json": json.dumps(manifest).encode()}.items():
            opened.writestr(name, data)
    return path


async def refused(runner: Runner, path: Path, **given: Any) -> str:
    with pytest.raises(BadInput) as error:
        await runner.replay(path, **given)
    assert error.value.field == "archive"
    return str(error.value)


def changed_lines(data: bytes, **fields: object) -> bytes:
    first, *more = [json.loads(line) for line in data.splitlines()]
    return b"".join(json.dumps(one).encode() + b"\n" for one in ({**first, **fields}, *more))


async def test_its_own_digest_is_taken_and_another_refused(
    archive: Path, elsewhere: Runner
) -> None:
    digest = digest_of(archive)
    assert (await elsewhere.replay(archive, digest=digest)).same
    assert (await elsewhere.replay(archive, digest=f"sha256:{digest.upper()}")).same
    said = await refused(elsewhere, archive, digest="0" * 64)
    assert digest in said


async def test_what_no_check_can_see_the_digest_sees(
    archive: Path, elsewhere: Runner, tmp_path: Path
) -> None:
    members = members_of(archive)
    note = json.dumps({"forged": True})
    members["events.jsonl"] = changed_lines(members["events.jsonl"], note=json.loads(note))
    forged = packed(tmp_path / "x.zip", members)
    assert (await elsewhere.replay(forged)).same
    assert "digest" in await refused(elsewhere, forged, digest=digest_of(archive))


async def test_a_run_of_the_home_has_no_digest(make_runner: MakeRunner) -> None:
    runner, _ = make_runner()
    run = await runner.run("echo", {"text": "가을"})
    with pytest.raises(BadInput) as error:
        await runner.replay(run.run_id, digest="0" * 64)
    assert error.value.field == "digest"


@pytest.mark.parametrize("fields", [{"cost": 5_000_000}, {"model": "dearer"}, {"agent": "echo.x"}])
async def test_a_ledger_that_does_not_add_up_to_the_report_is_refused(
    archive: Path, elsewhere: Runner, tmp_path: Path, fields: dict[str, object]
) -> None:
    members = members_of(archive)
    members["ledger.jsonl"] = changed_lines(members["ledger.jsonl"], **fields)
    assert "was paid for" in await refused(elsewhere, packed(tmp_path / "x.zip", members))


@pytest.mark.parametrize("name", ["ledger.jsonl", "events.jsonl"])
async def test_a_line_that_stands_there_twice_is_refused(
    archive: Path, elsewhere: Runner, tmp_path: Path, name: str
) -> None:
    members = members_of(archive)
    members[name] += members[name].splitlines(keepends=True)[0]
    assert "twice" in await refused(elsewhere, packed(tmp_path / "x.zip", members))


async def test_a_document_that_is_named_and_missing_is_refused(
    archive: Path, elsewhere: Runner, tmp_path: Path
) -> None:
    members = members_of(archive)
    manifest = json.loads(members["manifest.json"])
    result = json.loads(members["run.json"])["result"]
    (gone,) = [one for one in manifest["documents"] if one["id"] == result]
    manifest["documents"].remove(gone)
    del members[gone["path"]]
    members["manifest.json"] = json.dumps(manifest).encode()
    assert f"`{result}` is missing" in await refused(elsewhere, packed(tmp_path / "x.zip", members))


async def test_a_member_that_is_no_part_of_the_run_is_refused(
    archive: Path, elsewhere: Runner, tmp_path: Path
) -> None:
    members = {**members_of(archive), "artifacts/extra.html": b"<p>"}
    assert "extra.html" in await refused(elsewhere, packed(tmp_path / "x.zip", members))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"flags": {"no_such_flag": 1}}, "flags"),
        ({"flags": {"fallback_models": 7}}, "flags"),
        ({"profile": "cloud"}, "two runs"),
        ({"change": {"name": "nothing"}}, "change"),
        ({"change": {}}, "change"),
    ],
)
async def test_a_crafted_run_is_refused_as_an_archive(
    archive: Path, elsewhere: Runner, tmp_path: Path, fields: dict[str, object], says: str
) -> None:
    members = members_of(archive)
    members["run.json"] = json.dumps({**json.loads(members["run.json"]), **fields}).encode()
    assert says in await refused(elsewhere, packed(tmp_path / "x.zip", members))


@pytest.mark.parametrize(("before", "after"), [(b"MZ", b""), (b"", b"more"), (b"MZ", b"more")])
async def test_bytes_before_and_after_the_members_are_refused(
    archive: Path, elsewhere: Runner, tmp_path: Path, before: bytes, after: bytes
) -> None:
    data = await asyncio.to_thread(archive.read_bytes)
    path = tmp_path / "x.zip"
    await asyncio.to_thread(path.write_bytes, before + data + after)
    assert "holds bytes" in await refused(elsewhere, path)


async def test_a_comment_is_refused(archive: Path, elsewhere: Runner) -> None:
    with zipfile.ZipFile(archive, "a") as opened:
        opened.comment = b"hello"
    assert "bytes after" in await refused(elsewhere, archive)


async def test_what_is_only_stored_is_told_apart(archive: Path, elsewhere: Runner) -> None:
    done = await elsewhere.replay(archive)
    assert [one.name for one in done.files] == ["result.json"]
    assert done.stored == ("run.json",) == tuple(done.as_json()["stored"])
