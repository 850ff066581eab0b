"""What an archive holds, and which archives are refused."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fabula.errors import BadInput
from fabula.nodes.services import Update
from fabula.runs import Runner
from fabula.runs.records import unpacking
from fabula.settings import Settings
from fabula.testing.echo import ECHO
from fabula.testing.rules import When
from fabula.testing.scripted import ScriptedModel

MakeRunner = Callable[..., tuple[Runner, ScriptedModel]]
Members = dict[str, bytes]
KEY = "sk-secret-of-this-machine"


@pytest.fixture
async def archive(make_runner: MakeRunner, tmp_path: Path) -> Path:
    runner, _ = make_runner()
    run = await runner.run("echo", {"text": "가을", "count": 2}, out=tmp_path / "out", run_id="r1")
    return await runner.export(run.run_id, tmp_path / "r1.zip")


def members_of(archive: Path) -> Members:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(path: Path, members: Members, *, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return path


async def refused(path: Path, tmp_path: Path) -> str:
    runner = Runner(Settings(home=tmp_path / "elsewhere"), products={"echo": ECHO})
    with pytest.raises(BadInput) as error:
        await runner.replay(path, out=tmp_path / "never")
    assert error.value.field == "archive"
    assert not (tmp_path / "never").exists()
    return str(error.value)


async def test_it_holds_everything_and_the_hash_of_each_part(archive: Path) -> None:
    members = members_of(archive)
    manifest = json.loads(members["manifest.json"])
    assert next(iter(members)) == "manifest.json"
    assert set(manifest["files"]) == set(members) - {"manifest.json"}
    assert {"brief.json", "run.json", "events.jsonl", "ledger.jsonl"} < set(members)
    assert {"artifacts/result.json", "artifacts/run.json"} < set(members)
    assert sum(name.startswith("documents/") for name in members) == 3
    calls = [json.loads(line) for line in members["ledger.jsonl"].splitlines()]
    assert sorted(call["item"] for call in calls) == ["plan", "write/1", "write/2"]
    assert all(json.loads(call["text"]) for call in calls)
    assert json.loads(members["brief.json"])["text"] == "가을"
    assert {one["schema_version"] for one in manifest["documents"]} == {1}


async def test_the_same_run_gives_the_same_bytes(
    archive: Path, make_runner: MakeRunner, tmp_path: Path
) -> None:
    again = await make_runner()[0].export("r1", tmp_path / "again.zip")
    files = [await asyncio.to_thread(one.read_bytes) for one in (archive, again)]
    assert files[0] == files[1]


async def test_no_place_of_this_machine_and_no_secret_is_in_it(
    make_runner: MakeRunner, settings: Settings, tmp_path: Path
) -> None:
    async def finish(state: Any) -> Update:
        raise RuntimeError(f"cannot read {tmp_path}/home/x with {KEY}")

    runner, _ = make_runner()
    runner.settings = settings.model_copy(update={"openai_api_key": SecretStr(KEY)})
    text = {"text": f"내 열쇠는 {KEY}", "count": 1}
    run = await runner.run("echo", text, out=tmp_path / "out", replace={"finish": finish})
    assert run.code == "bug"
    whole = b"".join(
        members_of(await runner.export(run.run_id, tmp_path / "a.zip")).values()
    ).decode()
    assert "cannot read" in whole
    for hidden in (KEY, str(tmp_path), str(Path.home()), str(Path.cwd())):
        assert hidden not in whole


async def test_a_published_file_that_holds_a_secret_is_not_exported(
    make_runner: MakeRunner, settings: Settings, tmp_path: Path
) -> None:
    runner, _ = make_runner(When(agent="echo.plan", reply={"title": KEY}))
    run = await runner.run("echo", {"text": "가을"})
    runner.settings = settings.model_copy(update={"google_api_key": SecretStr(KEY)})
    with pytest.raises(BadInput, match=r"artifact result\.json") as error:
        await runner.export(run.run_id, tmp_path / "a.zip")
    assert KEY not in str(error.value)
    assert not (tmp_path / "a.zip").exists()


async def test_an_unwritable_place_is_named(make_runner: MakeRunner, tmp_path: Path) -> None:
    runner, _ = make_runner()
    run = await runner.run("echo", {"text": "가을"})
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        await runner.export(run.run_id, tmp_path / "file" / "a.zip")
    with pytest.raises(BadInput, match="cannot be written"):
        await runner.export(run.run_id, tmp_path)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no zip", b"[1]"])
async def test_what_is_no_zip_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    assert "zip" in await refused(tmp_path / "x.zip", tmp_path)


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "x.zip does not exist" in await refused(tmp_path / "x.zip", tmp_path)


async def test_a_foreign_zip_is_refused(tmp_path: Path) -> None:
    assert "manifest" in await refused(packed(tmp_path / "x.zip", {"a.txt": b"a"}), tmp_path)
    other = packed(tmp_path / "y.zip", {"manifest.json": b'{"format": "other"}'})
    assert "no export" in await refused(other, tmp_path)


@pytest.mark.parametrize(
    "name",
    ["brief.json", "ledger.jsonl", "events.jsonl", "run.json", "artifacts/result.json"],
)
async def test_an_altered_part_is_named(archive: Path, name: str, tmp_path: Path) -> None:
    members = members_of(archive)
    members[name] = members[name].replace("가을".encode(), "겨울".encode()) + b" "
    said = await refused(packed(tmp_path / "x.zip", members), tmp_path)
    assert f"`{name}` was altered" in said


async def test_a_document_must_match_its_own_id_even_where_the_manifest_agrees(
    archive: Path, tmp_path: Path
) -> None:
    members = members_of(archive)
    name = next(one for one in members if one.startswith("documents/EchoText"))
    _put(members, name, members[name].replace("글".encode(), "말".encode()))
    assert f"`{name}` was altered" in await refused(packed(tmp_path / "x.zip", members), tmp_path)


async def test_parts_that_are_missing_or_not_listed_are_refused(
    archive: Path, tmp_path: Path
) -> None:
    members = members_of(archive)
    extra = packed(tmp_path / "x.zip", {**members, "extra.txt": b""})
    assert "`extra.txt`" in await refused(extra, tmp_path)
    del members["events.jsonl"]
    assert "`events.jsonl`" in await refused(packed(tmp_path / "y.zip", members), tmp_path)


@pytest.mark.parametrize("name", ["../up", "/etc/x", "a/../../b", "a\\..\\b", "a//b", "."])
async def test_paths_that_lead_outside_are_refused(
    archive: Path, name: str, tmp_path: Path
) -> None:
    members = {**members_of(archive), name: b"x"}
    assert "leads outside" in await refused(packed(tmp_path / "x.zip", members), tmp_path)


async def test_a_member_named_twice_is_refused(archive: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", members_of(archive))
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(path, "a") as opened,
    ):
        opened.writestr("brief.json", b"{}")
    assert "twice" in await refused(path, tmp_path)


async def test_bombs_are_refused_before_they_are_unpacked(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {**members_of(archive), "artifacts/zeros": bytes(5_000_000)}
    packing = zipfile.ZIP_DEFLATED
    tight = packed(tmp_path / "x.zip", members, compression=packing)
    assert tight.stat().st_size < 100_000
    assert "too tightly" in await refused(tight, tmp_path)
    monkeypatch.setattr(unpacking, "MAX_BYTES", 4_000_000)
    assert "more than 4,000,000 bytes" in await refused(tight, tmp_path)
    many = packed(tmp_path / "y.zip", {f"f{n}": b"" for n in range(30)})
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 20)
    assert "30 members" in await refused(many, tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("format_version", 2, "archive version 2"),
        ("store_schema", "0009", "store schema 0009"),
        ("product", "cinema", "cinema"),
    ],
)
async def test_another_version_is_refused_by_name(
    archive: Path, key: str, value: object, says: str, tmp_path: Path
) -> None:
    members = members_of(archive)
    manifest = {**json.loads(members["manifest.json"]), key: value}
    members["manifest.json"] = json.dumps(manifest).encode()
    path = packed(tmp_path / "x.zip", members)
    runner = Runner(Settings(home=tmp_path / "elsewhere"), products={"echo": ECHO})
    with pytest.raises(BadInput, match=says):
        await runner.replay(path)


async def test_a_document_of_another_schema_version_is_refused(
    archive: Path, tmp_path: Path
) -> None:
    members = members_of(archive)
    manifest = json.loads(members["manifest.json"])
    manifest["documents"][0]["schema_version"] = 7
    members["manifest.json"] = json.dumps(manifest).encode()
    said = await refused(packed(tmp_path / "x.zip", members), tmp_path)
    assert "EchoBrief of schema version 7; this version of fabula reads 1" in said


@pytest.mark.parametrize("data", [b"{", b"[1, 2]\n", b'{"seq": "x"}\n', b"[" * 100_000])
async def test_lines_that_are_no_events_are_refused(
    archive: Path, data: bytes, tmp_path: Path
) -> None:
    members = members_of(archive)
    _put(members, "events.jsonl", data)
    assert "events.jsonl" in await refused(packed(tmp_path / "x.zip", members), tmp_path)


def _put(members: Members, name: str, data: bytes) -> None:
    """Alter a part and let the manifest agree."""
    from fabula.runs.records.contents import FileEntry

    members[name] = data
    manifest = json.loads(members["manifest.json"])
    manifest["files"][name] = FileEntry.of(data).model_dump()
    members["manifest.json"] = json.dumps(manifest).encode()
