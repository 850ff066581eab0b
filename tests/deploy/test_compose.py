"""The compose file: a valid one, closed where it can be, and in step with what it starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fabula.gateway.models import AgentModelMap
from fabula.settings import Settings
from fabula.store.postgres import POOL_SIZE
from tests.deploy.stack import COMPOSE, DEPLOY, ROOT, Missing, raw_stack, seconds, stack_with

SERVICES = set(raw_stack()["services"])
OWN = {"api", "worker"}
USABLE = {"api", "worker", "postgres", "redis", "prometheus", "grafana"}
ROOT_ALONE = {"chroma", "vllm"}
"""Images that know no other user than root."""
WRITES_INTO_ITSELF = {"neo4j", "vllm"}

Stack = Mapping[str, Any]


def schema_check(file: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "check-jsonschema"
    command = [str(program), "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_is_what_the_compose_specification_allows() -> None:
    done = schema_check(COMPOSE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_key_that_the_specification_does_not_know_would_be_found(tmp_path: Path) -> None:
    broken = yaml.safe_load(COMPOSE.read_text("utf-8"))
    broken["services"]["api"]["depends"] = ["redis"]
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(broken))
    assert schema_check(tmp_path / "compose.yaml").returncode != 0


def test_every_service_that_was_asked_for_is_there_and_the_usable_stack_is_small() -> None:
    services = raw_stack()["services"]
    assert USABLE | {"chroma", "neo4j", "vllm"} == SERVICES
    assert {name for name, one in services.items() if not one.get("profiles")} == USABLE
    assert services["vllm"]["profiles"] == ["gpu"]


def test_without_its_secrets_it_does_not_start_and_says_what_to_do() -> None:
    with pytest.raises(
        Missing, match=r"POSTGRES_PASSWORD: run `make up`, or set it in deploy/.env"
    ):
        stack_with({})


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_checked_limited_and_started_again(stack: Stack, name: str) -> None:
    service = stack["services"][name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["read_only"] is (name not in WRITES_INTO_ITSELF)
    if name not in OWN | ROOT_ALONE:
        assert service["user"] not in ("root", "0", "0:0")


@pytest.mark.parametrize("name", sorted(SERVICES - OWN))
def test_every_image_is_pinned(stack: Stack, name: str) -> None:
    tag = stack["services"][name]["image"].partition(":")[2]
    assert any(letter.isdigit() for letter in tag)


def test_only_the_api_is_published_and_the_rest_on_loopback(
    environment: dict[str, str], stack: Stack
) -> None:
    published = {name: one["ports"] for name, one in stack["services"].items() if "ports" in one}
    assert published == {
        "api": ["127.0.0.1:8000:8000"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    opened = stack_with({**environment, "API_BIND": "0.0.0.0", "API_PORT": "80"})["services"]
    assert opened["api"]["ports"] == ["0.0.0.0:80:8000"]
    assert opened["grafana"]["ports"] == ["127.0.0.1:3000:3000"]


def test_what_keeps_data_reaches_nothing_outside(stack: Stack) -> None:
    assert stack["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis", "chroma", "neo4j"):
        assert stack["services"][name]["networks"] == ["inside"]


def test_a_worker_can_be_scaled(stack: Stack) -> None:
    worker = stack["services"]["worker"]
    assert not {"container_name", "ports", "hostname"} & set(worker)
    # Prometheus resolves the name once a network: on two it would find each worker twice.
    shared = set(worker["networks"]) & set(stack["services"]["prometheus"]["networks"])
    assert len(shared) == 1


def test_what_fabula_needs_is_healthy_before_it_starts(stack: Stack) -> None:
    for name in OWN:
        wanted = stack["services"][name]["depends_on"]
        assert {one: how["condition"] for one, how in wanted.items()} == {
            "postgres": "service_healthy",
            "redis": "service_healthy",
        }


def test_a_worker_has_more_time_to_stop_than_any_call_takes(stack: Stack) -> None:
    models = AgentModelMap.load(Settings.load(config_dir=ROOT / "config"))
    pins = [pin for profile in models.profiles.values() for pin in profile.values()]
    deadlines = [models.defaults.call_timeout_s, *(pin.call_timeout_s or 0 for pin in pins)]
    assert seconds(stack["services"]["worker"]["stop_grace_period"]) >= max(deadlines) + 30


def test_the_service_has_more_time_to_stop_than_its_last_answers_take(stack: Stack) -> None:
    from fabula.service.serving import LAST_ANSWERS_S

    assert seconds(stack["services"]["api"]["stop_grace_period"]) > LAST_ANSWERS_S


def test_the_database_has_connections_for_the_service_and_a_dozen_workers(stack: Stack) -> None:
    command = stack["services"]["postgres"]["command"]
    (most,) = (int(one.partition("=")[2]) for one in command if one.startswith("max_connections="))
    rows, checkpoints, lease = POOL_SIZE, POOL_SIZE, 1
    assert most >= 13 * (rows + checkpoints + lease)


def test_every_volume_is_named_and_every_mounted_file_is_there(stack: Stack) -> None:
    used: set[str] = set()
    for service in stack["services"].values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists()
            else:
                used.add(source)
    assert used == set(stack["volumes"])


def test_service_and_worker_share_their_data_and_their_configuration(stack: Stack) -> None:
    api, worker = (stack["services"][name] for name in ("api", "worker"))
    assert api["volumes"] == worker["volumes"]
    assert api["image"] == worker["image"]
    assert worker["environment"].items() <= api["environment"].items()


def test_another_key_takes_over_from_the_bootstrap_key(environment: dict[str, str]) -> None:
    services = stack_with({**environment, "WATCH_KEY": "fab_other"})["services"]
    assert services["prometheus"]["environment"]["WATCH_KEY"] == "fab_other"
