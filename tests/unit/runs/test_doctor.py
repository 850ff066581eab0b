import json
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fabula.runs import doctor
from fabula.runs.doctor import Check, Diagnosis, examine, lacking, masked
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.testing.faults import Script, parse_fault
from fabula.testing.loopback import LoopbackServer

KEY = "-".join(("loopback", "key", "0123456789"))
ALL = """
profiles:
  offline:
    "*": {model: "offline:offline"}
  one:
    "*": {model: "PROVIDER:some-model"}
"""
PRICES = """
offline:
  "*": {input: 0, output: 0}
PROVIDER:
  "*": {input: 1, output: 1}
"""


def _settings(tmp_path: Path, provider: str = "", **more: Any) -> Settings:
    if provider:
        more = {"profile": "one", "config_dir": tmp_path, **more}
        (tmp_path / "agent_model_map.yaml").write_text(ALL.replace("PROVIDER", provider))
        (tmp_path / "prices.yaml").write_text(PRICES.replace("PROVIDER", provider))
    return Settings.load(**{"home": tmp_path / "home", **more})


def _of(found: Diagnosis, group: str) -> dict[str, Check]:
    return {one.name: one for one in found.checks if one.group == group}


async def test_a_fresh_install_can_run_offline_and_nothing_is_made(tmp_path: Path) -> None:
    found = await examine(_settings(tmp_path))
    assert found.ok
    assert {pin.model for pin in found.models} == {"offline:offline"}
    assert _of(found, "server") == {}
    assert not (tmp_path / "home").exists()


async def test_says_which_files_of_the_config_folder_are_used(tmp_path: Path) -> None:
    rows = _of(await examine(_settings(tmp_path, "local")), "config")
    assert {name: one.state for name, one in rows.items()} == {
        "settings.yaml": "absent",
        "agent_model_map.yaml": "ok",
        "prices.yaml": "ok",
        "limits.yaml": "absent",
    }
    assert _of(await examine(_settings(tmp_path)), "config") == {}


@pytest.mark.parametrize(
    ("answer", "warned"),
    [
        ({"json": {"data": [{"id": "other"}]}}, True),
        ({"json": {"data": []}}, True),
        ({"json": {"data": [{"id": "some-model"}]}}, False),
        ({"json": []}, False),
        ({"text": "hello"}, False),
    ],
)
def test_a_model_that_the_local_server_does_not_list_is_warned_of(
    answer: dict[str, Any], warned: bool
) -> None:
    warning = lacking(httpx.Response(200, **answer), "some-model")
    assert ("FABULA_LOCAL_MODEL=`some-model`" in warning) is warned


async def test_settings_and_flags_say_where_they_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.yaml").write_text(
        "lease_s: 9\nflags: {magazine: {max_parallel_section_writers: 2}}\n"
    )
    monkeypatch.setenv("FABULA_TRANSPORT_TRIES", "3")
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", "multi_stage")
    found = await examine(_settings(tmp_path, config_dir=tmp_path))
    rows = {one.name: (one.value, one.origin) for one in found.settings}
    assert rows["lease_s"] == ("9.0", "settings.yaml")
    assert rows["transport_tries"] == ("3", "environment")
    assert rows["profile"] == ("offline", "default")
    assert rows["home"][1] == "argument"
    assert rows["magazine.max_parallel_section_writers"] == ("2", "settings.yaml")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (SecretStr("a secret"), "***"),
        (SecretStr(""), ""),
        (5, "5"),
        ("postgresql+psycopg://fabula:hunter2@db/fabula", "postgresql+psycopg://***@db/fabula"),
        ("https://proxy/v1?key=hunter2", "https://proxy/v1?***"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
    ],
)
def test_masks_what_a_setting_keeps_secret(value: object, shown: str | None) -> None:
    assert masked(value) == shown


@pytest.mark.parametrize("provider", ["openai", "google_genai", "local"])
async def test_a_profile_whose_server_answers_can_run(provider: str, tmp_path: Path) -> None:
    with LoopbackServer(api_key=KEY) as server:
        settings = _settings(tmp_path, provider, **_servers(server, KEY))
        found = await examine(settings)
    assert found.ok
    row = _of(found, "server")[provider]
    assert (row.state, row.needed) == ("ok", True)
    assert {name for name, one in _of(found, "server").items() if one.needed} == {provider}


@pytest.mark.parametrize("provider", ["openai", "google_genai", "local"])
async def test_a_refused_key_is_a_row_and_the_profile_cannot_run(
    provider: str, tmp_path: Path
) -> None:
    wrong = "my-own-very-secret-key"
    with LoopbackServer(api_key=KEY) as server:
        found = await examine(_settings(tmp_path, provider, **_servers(server, wrong)))
    assert not found.ok
    row = _of(found, "server")[provider]
    assert row.state == "failed"
    assert "refuses the key (401)" in row.detail
    assert wrong not in json.dumps(found.as_json())


def _servers(server: LoopbackServer, key: str) -> dict[str, Any]:
    return {
        "openai_base_url": server.base_url,
        "openai_api_key": key,
        "google_base_url": server.google_base_url,
        "google_api_key": key,
        "local_base_url": server.base_url,
        "local_api_key": key,
        "local_model": "some-model",
    }


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/v1", "ConnectError"),
        ("ftp://127.0.0.1/v1", "http or https"),
        ("not an address", "http or https"),
        ("http://user:hunter2@127.0.0.1:1/v1", "ConnectError"),
    ],
)
async def test_a_server_that_cannot_be_reached_is_a_row(
    url: str, words: str, tmp_path: Path
) -> None:
    found = await examine(_settings(tmp_path, "local", local_base_url=url, local_model="m"))
    row = _of(found, "server")["local"]
    assert row.state == "failed"
    assert words in row.detail
    assert "hunter2" not in json.dumps(found.as_json())
    assert not found.ok


async def test_a_server_that_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SERVER_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        found = await examine(_settings(tmp_path, "local", local_base_url=url, local_model="m"))
    assert _of(found, "server")["local"].state == "failed"


async def test_a_server_of_another_profile_does_not_stop_this_one(tmp_path: Path) -> None:
    found = await examine(_settings(tmp_path, local_base_url="http://127.0.0.1:1/v1"))
    assert _of(found, "server")["local"].state == "failed"
    assert found.ok


async def test_a_key_that_no_header_can_carry_is_a_row(tmp_path: Path) -> None:
    found = await examine(_settings(tmp_path, "openai", openai_api_key="열쇠"))
    assert "no header" in _of(found, "server")["openai"].detail
    assert "열쇠" not in json.dumps(found.as_json(), ensure_ascii=False)


async def test_a_missing_key_names_its_variable(tmp_path: Path) -> None:
    found = await examine(_settings(tmp_path, "google_genai"))
    assert not found.ok
    assert all("FABULA_GOOGLE_API_KEY" in (pin.problem or "") for pin in found.models)


@pytest.mark.parametrize(
    ("provider", "more", "words"),
    [
        ("openai", {"profile": "clowd"}, "clowd"),
        ("google_vertexai", {}, "no adapter"),
    ],
)
async def test_a_map_that_cannot_be_used_is_a_row(
    provider: str, more: dict[str, Any], words: str, tmp_path: Path
) -> None:
    found = await examine(_settings(tmp_path, provider, **more))
    assert not found.ok
    assert words in (found.models[0].problem or "")


async def test_a_model_without_a_price_is_a_row(tmp_path: Path) -> None:
    settings = _settings(
        tmp_path, "openai", openai_api_key=KEY, openai_base_url="http://127.0.0.1:1"
    )
    (tmp_path / "prices.yaml").write_text('offline:\n  "*": {input: 0, output: 0}\n')
    found = await examine(settings)
    assert "price" in (found.models[0].problem or "")


async def test_only_agents_of_the_mode_need_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agent_model_map.yaml").write_text(
        'profiles: {one: {"*": {model: "google_genai:m"}, magazine.compose: {model: "offline:m"}}}'
    )
    (tmp_path / "prices.yaml").write_text(PRICES.replace("PROVIDER", "google_genai"))
    settings = Settings.load(home=tmp_path / "home", config_dir=tmp_path, profile="one")
    found = await examine(settings)
    assert found.ok
    assert [pin.agent for pin in found.models if pin.asked] == ["magazine.compose"]
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", "multi_stage")
    assert not (await examine(settings)).ok


async def test_a_wrong_flag_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGAZINE_PIPELINE_MODE", "no_such_mode")
    found = await examine(_settings(tmp_path))
    assert not found.ok
    assert all("mode" in (pin.problem or "") for pin in found.models)


async def test_a_home_that_is_no_folder_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = await examine(_settings(tmp_path, home=tmp_path / "file"))
    assert _of(found, "home")["FABULA_HOME"].state == "failed"
    assert not found.ok


async def test_the_database_s_schema_is_looked_at(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    await (await Store.open(settings)).close()
    [row] = _of(await examine(settings), "database").values()
    assert (row.state, row.detail) == ("ok", "the schema is this version's")
    (settings.home / "fabula.db").write_bytes(b"this is no database" * 100)
    [row] = _of(await examine(settings), "database").values()
    assert row.state == "failed"


async def test_a_database_that_is_not_spoken_is_a_row_without_its_password(tmp_path: Path) -> None:
    url = "postgresql+psycopg://fabula:hunter2@127.0.0.1:1/fabula"
    found = await examine(_settings(tmp_path, database_url=url))
    [row] = _of(found, "database").values()
    assert (row.name, row.state) == ("postgresql+psycopg", "failed")
    assert "hunter2" not in json.dumps(found.as_json())


async def test_an_extra_that_the_profile_needs_and_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str) -> str:
        if name == "langchain-google-genai":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("fabula.runs.doctor.version", without)
    offline = await examine(_settings(tmp_path))
    assert offline.ok
    row = _of(offline, "extra")["gemini"]
    assert (row.state, row.needed) == ("absent", False)
    assert row.detail == "langchain-google-genai: pip install 'fabula[gemini]'"
    with LoopbackServer() as server:
        settings = _settings(tmp_path, "google_genai", **_servers(server, KEY))
        found = await examine(settings)
    assert _of(found, "extra")["gemini"].needed
    assert not found.ok


async def test_no_question_is_asked(tmp_path: Path) -> None:
    with LoopbackServer(script=Script(faults=[parse_fault("500@every:1")])) as server:
        await examine(_settings(tmp_path, "openai", **_servers(server, KEY)))
        assert server.stats()["requests"] == 0
