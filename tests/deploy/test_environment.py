"""Every variable of the stack is known to somebody, and the file that sets them is made safely."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices

from deploy import make_env
from fabula.products import PRODUCTS
from fabula.settings import PREFIX, Settings
from tests.deploy.stack import (
    COMPOSE,
    DEPLOY,
    EXAMPLE,
    parse_env,
    raw_stack,
    stack_with,
    variables_of,
)

TEXT = EXAMPLE.read_text("utf-8")
NAMED = re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", TEXT, re.MULTILINE)
NAMES = [name for name, _ in NAMED]
SECRETS = [name for name, value in NAMED if not value]
ONLY_HERE = {"home", "database_url", "redis_url", "config_dir"}
"""What the compose file itself decides."""
ELSEWHERE = {"api_key", "artifacts_url", "flags"}
"""A service's clients have a key; artifacts lie in the shared volume; flags of products stand in
settings.yaml."""

IMAGES_OWN = {
    "prometheus": {"WATCH_KEY"},
    "postgres": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS"},
    "redis": {"REDIS_PASSWORD"},
    "grafana": {
        "GF_SECURITY_ADMIN_PASSWORD",
        "GF_USERS_ALLOW_SIGN_UP",
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
        "GF_LOG_MODE",
    },
    "chroma": {"ANONYMIZED_TELEMETRY"},
    "neo4j": {"NEO4J_AUTH", "NEO4J_dbms_usage__report_enabled"},
    "vllm": {"VLLM_API_KEY", "VLLM_NO_USAGE_STATS", "HF_TOKEN"},
}


def variables_of_setting(name: str) -> set[str]:
    alias = Settings.model_fields[name].validation_alias
    names = alias.choices if isinstance(alias, AliasChoices) else [f"{PREFIX}{name}".upper()]
    return {str(one) for one in names}


FLAGS = {
    f"{name}_{flag}".upper() for name, one in PRODUCTS.items() for flag in one.flags.model_fields
}
FLAGS = (FLAGS - {"MAGAZINE_MODE"}) | {"MAGAZINE_PIPELINE_MODE"}
"""The short names of the products' flags; the mode has the name that the magazine's users know."""
KNOWN = FLAGS | {one for name in Settings.model_fields for one in variables_of_setting(name)}


@pytest.mark.parametrize("service", sorted(raw_stack()["services"]))
def test_every_variable_is_a_setting_or_the_images_own(service: str) -> None:
    given = set(raw_stack()["services"][service].get("environment", {}))
    assert given <= IMAGES_OWN.get(service, KNOWN)


def test_every_setting_can_be_set_in_the_stack() -> None:
    given = set(raw_stack()["services"]["api"]["environment"])
    missing = {
        name for name in Settings.model_fields if not variables_of_setting(name) & given
    } - ELSEWHERE
    missing |= FLAGS - given
    assert not missing, "name it in deploy/compose.yaml and in deploy/.env.example"
    decided = {one for name in ONLY_HERE for one in variables_of_setting(name)}
    assert not decided & set(NAMES)


def test_the_example_names_what_the_stack_takes_and_nothing_else() -> None:
    services = raw_stack()["services"].values()
    passed_on = {
        name for one in services for name, value in one.get("environment", {}).items() if not value
    }
    assert len(NAMES) == len(set(NAMES))
    assert set(NAMES) == variables_of(COMPOSE.read_text("utf-8")) | passed_on


def test_every_variable_of_the_example_is_explained() -> None:
    lines = TEXT.splitlines()
    explained = True
    for number, line in enumerate(lines):
        if re.match(r"#?[A-Z][A-Z0-9_]*=", line):
            above = lines[number - 1]
            # One line may stand over two that belong together.
            explained = above.startswith("# ") or (
                explained and bool(re.match(r"#?[A-Z][A-Z0-9_]*=", above))
            )
            assert explained, line


def test_the_example_holds_no_secret_and_only_secrets_are_to_be_filled_in() -> None:
    assert sorted(parse_env(TEXT)) == sorted(SECRETS)
    assert all(name.endswith(("_PASSWORD", "_KEY", "_SECRET")) for name in SECRETS)
    for name, value in NAMED:
        if name.endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")):
            assert value in ("", "...")


def test_what_the_example_shows_as_a_default_is_the_default() -> None:
    for name, value in NAMED:
        field = name.removeprefix(PREFIX).lower()
        if name.startswith(PREFIX) and field in Settings.model_fields:
            default = Settings.model_fields[field].default
            if default is not None and default != ():
                shown = f"{default:g}" if isinstance(default, float) else str(default)
                assert shown == value, name


def test_fabula_takes_the_environment_that_it_is_given(
    stack: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = stack["services"]["api"]["environment"]
    for name, value in {**given, "FABULA_CONFIG_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert settings.bootstrap_key
    assert settings.webhook_secret
    assert settings.store_url.startswith("postgresql+psycopg://fabula:")
    assert settings.store_url.endswith("@postgres:5432/fabula")


def test_a_setting_of_the_file_reaches_the_container(environment: dict[str, str]) -> None:
    services = stack_with({**environment, "FABULA_PROFILE": "cloud"})["services"]
    assert services["api"]["environment"]["FABULA_PROFILE"] == "cloud"
    assert services["worker"]["environment"]["FABULA_PROFILE"] == "cloud"
    assert "FABULA_PROFILE" not in stack_with(environment)["services"]["api"]["environment"]


def test_secrets_are_made_once_differ_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path)
    assert make_env.write(tmp_path)
    file = tmp_path / ".env"
    first = file.read_text("utf-8")
    made = parse_env(first)
    assert sorted(made) == sorted(SECRETS)
    assert len(set(made.values())) == len(SECRETS)
    # They stand in URLs as they are.
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{64,}", value) for value in made.values())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not make_env.write(tmp_path)
    assert file.read_text("utf-8") == first


def test_make_writes_the_file_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    for name in ("make_env.py", ".env.example"):
        shutil.copy(DEPLOY / name, tmp_path / "deploy")
    shutil.copy(DEPLOY.parent / "Makefile", tmp_path)
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\ntest -s deploy/.env && echo "$@" >called\n')
    docker.chmod(0o755)
    subprocess.run(
        ["make", "up", f"PYTHON={sys.executable}", "ARGS=--scale worker=3"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )
    called = (tmp_path / "called").read_text()
    assert called.startswith("compose --env-file deploy/.env -f deploy/compose.yaml up ")
    assert called.endswith(" --wait --scale worker=3\n")
