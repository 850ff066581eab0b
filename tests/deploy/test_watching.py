"""Prometheus, Grafana and the monthly rehearsal, checked with the programs that read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fabula.testing.servers import ServerMissing
from tests.deploy.stack import DEPLOY

CONFIG = DEPLOY / "prometheus.yml"
UNITS = ("chaos-day.service", "chaos-day.timer")


def program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(ServerMissing(name, package).en)
    return found


def promtool(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Check a configuration, with a file where the stack's entry point writes the key."""
    (folder / "watch_key").write_text("fab_")
    file = folder / "prometheus.yml"
    file.write_text(text.replace("/tmp/watch_key", str(folder / "watch_key")))
    command = [program("promtool", "prometheus"), "check", "config", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def verify(folder: Path) -> str:
    """Return what systemd has to say about the units in the folder, as units of a user."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    command = [program("systemd-analyze", "systemd"), "--user", "verify", *UNITS]
    environment = {"XDG_RUNTIME_DIR": str(runtime), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr + (f"rc {done.returncode}" if done.returncode else "")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    for name in UNITS:
        shutil.copy(DEPLOY / name, tmp_path)
    return tmp_path


def test_promtool_accepts_what_prometheus_reads(tmp_path: Path) -> None:
    done = promtool(tmp_path, CONFIG.read_text("utf-8"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_would_have_found_a_mistake(tmp_path: Path) -> None:
    text = CONFIG.read_text("utf-8")
    assert promtool(tmp_path, text.replace("type: A", "type: Z", 1)).returncode != 0
    assert promtool(tmp_path, text.replace("watch_key", "other_key")).returncode != 0


def test_prometheus_finds_the_key_where_its_entry_point_puts_it(
    stack: Mapping[str, Any], tmp_path: Path
) -> None:
    service = stack["services"]["prometheus"]
    (script,) = service["command"]
    assert service["tmpfs"] == ["/tmp"]
    assert "credentials_file: /tmp/watch_key" in CONFIG.read_text("utf-8")
    started = tmp_path / "prometheus"
    started.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\n')
    started.chmod(0o755)
    here = script.replace("/tmp/", f"{tmp_path}/").replace("/bin/prometheus", str(started))
    subprocess.run([*service["entrypoint"], here], env=service["environment"], check=True)
    key = tmp_path / "watch_key"
    made = stack["services"]["api"]["environment"]["FABULA_BOOTSTRAP_KEY"]
    assert key.read_text() == service["environment"]["WATCH_KEY"] == made
    assert key.stat().st_mode & 0o077 == 0
    assert "--config.file=/etc/prometheus/prometheus.yml" in (tmp_path / "called").read_text()


@pytest.mark.parametrize(("job", "service"), [("fabula-api", "api"), ("fabula-worker", "worker")])
def test_each_address_of_a_service_is_scraped_on_its_port(
    stack: Mapping[str, Any], job: str, service: str
) -> None:
    jobs = yaml.safe_load(CONFIG.read_text("utf-8"))["scrape_configs"]
    (found,) = [one for one in jobs if one["job_name"] == job]
    (names,) = found["dns_sd_configs"]
    assert names["names"] == [service]
    assert str(names["port"]) in stack["services"][service]["command"]
    prometheus = stack["services"]["prometheus"]["networks"]
    assert set(stack["services"][service]["networks"]) & set(prometheus)


def test_grafana_asks_the_prometheus_of_the_stack(stack: Mapping[str, Any]) -> None:
    (source,) = yaml.safe_load((DEPLOY / "grafana" / "datasources.yml").read_text("utf-8"))[
        "datasources"
    ]
    assert source["type"] in stack["services"]
    assert source["url"] == "http://prometheus:9090"


def test_systemd_accepts_the_monthly_rehearsal(units: Path) -> None:
    assert verify(units) == ""


def test_systemd_would_have_found_a_mistake(units: Path) -> None:
    timer = units / UNITS[1]
    timer.write_text(timer.read_text("utf-8").replace("OnCalendar=Mon", "OnCalendar=Someday"))
    assert "Failed to parse calendar" in verify(units)


def test_chaos_day_comes_once_a_month() -> None:
    (when,) = re.findall(r"^OnCalendar=(.+)$", (DEPLOY / UNITS[1]).read_text("utf-8"), re.M)
    command = [program("systemd-analyze", "systemd"), "calendar", "--iterations=12", when]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    days = re.findall(r"(\d{4}-\d\d)-\d\d \d\d:\d\d:\d\d UTC", shown)
    assert len(days) >= 12
    months = sorted(set(days))
    assert len(months) == 12
    first, last = (int(month[:4]) * 12 + int(month[5:]) for month in (months[0], months[-1]))
    assert last - first == 11


def test_chaos_day_is_another_rehearsal_each_month_and_can_be_repeated(tmp_path: Path) -> None:
    text = (DEPLOY / UNITS[0]).read_text("utf-8")
    (line,) = re.findall(r"^ExecStart=/bin/sh -c '(.+)'$", text, re.M)
    script = line.replace("$$", "$").replace("%%", "%")
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "$@"\n')
    make.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    shown = subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert re.fullmatch(r"chaos SEED=20\d{4}\n", shown)
