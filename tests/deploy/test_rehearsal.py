"""One command starts a stack that works: its commands and environment, without containers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from fabula.testing.servers import ServerMissing, free_port
from tests.deploy.containers import START_S, Container, FabulaOfStack, RedisOfStack
from tests.deploy.stack import DEPLOY, ROOT

Stack = Mapping[str, Any]
BRIEF = {
    "angle": "동네에서 천천히 하루를 보내는 법",
    "posts": [
        {
            "id": "first",
            "title": "느린 책방의 아침",
            "text": "골목 끝 책방은 아침 아홉 시에 문을 엽니다. 주인은 먼저 마루를 닦고, 그다음에 "
            "차를 끓입니다. 손님은 대개 열 시가 넘어야 옵니다. 그 한 시간을 주인은 하루에서 "
            "가장 좋아한다고 말합니다.",
        }
    ],
}


def placed(own: Mapping[str, str], text: str) -> str:
    for name, address in own.items():
        text = text.replace(name, address)
    return text


@pytest.fixture
def ports() -> Mapping[str, str]:
    return {"8000": str(free_port()), "9100": str(free_port())}


@pytest.fixture
def fabulas(
    stack: Stack,
    stack_redis: RedisOfStack,
    postgres_url: str,
    ports: Mapping[str, str],
    tmp_path: Path,
) -> Iterator[Mapping[str, FabulaOfStack]]:
    """Start the api and a worker at once, as Docker does."""
    addresses = {
        "/data": str(tmp_path / "data"),
        "/etc/fabula": str(ROOT / "config"),
        "postgres:5432/fabula": postgres_url.partition("@")[2],
        "redis:6379": f"127.0.0.1:{stack_redis.port}",
    }
    api, worker = (
        FabulaOfStack(
            stack["services"][name],
            addresses=partial(placed, addresses),
            ports=partial(placed, ports),
            folder=tmp_path,
        )
        for name in ("api", "worker")
    )
    with api, worker:
        api.wait_until_healthy()
        worker.wait_until_healthy()
        yield {"api": api, "worker": worker}


class PrometheusOfStack(Container):
    """A Prometheus with the stack's configuration, told the addresses that a name would give."""

    def __init__(self, key: str, ports: Mapping[str, str], folder: Path) -> None:
        found = shutil.which("prometheus")
        if found is None:
            pytest.skip(ServerMissing("prometheus", "prometheus").en)
        config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))
        config["global"]["scrape_interval"] = "1s"
        for job in config["scrape_configs"]:
            for named in job.pop("dns_sd_configs", []):
                target = f"127.0.0.1:{ports[str(named['port'])]}"
                job["static_configs"] = [{"targets": [target]}]
            if how := job.get("authorization"):
                how["credentials_file"] = str(folder / "watch_key")
        (folder / "watch_key").write_text(key)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._address = f"127.0.0.1:{free_port()}"
        command = [found, f"--config.file={folder / 'prometheus.yml'}"]
        command += [f"--storage.tsdb.path={folder / 'tsdb'}"]
        command += [f"--web.listen-address={self._address}"]
        super().__init__(command, {}, folder / "prometheus.log")

    def healthy(self) -> bool:
        """Say whether both of fabula's were scraped."""
        return {"fabula-api", "fabula-worker"} <= self.up()

    def up(self) -> set[str]:
        """Return the jobs whose figures were read."""
        try:
            answer = httpx.get(f"http://{self._address}/api/v1/targets").json()
        except (httpx.TransportError, ValueError):
            return set()
        targets = answer.get("data", {}).get("activeTargets", [])
        return {one["labels"]["job"] for one in targets if one["health"] == "up"}


def test_one_command_starts_a_stack_that_makes_an_article(
    stack: Stack, ports: Mapping[str, str], fabulas: Mapping[str, FabulaOfStack], tmp_path: Path
) -> None:
    given = stack["services"]["api"]["environment"]
    with httpx.Client(base_url=f"http://127.0.0.1:{ports['8000']}", timeout=30) as client:
        asked = {"product": "magazine", "brief": BRIEF}
        assert client.post("/v1/runs", json=asked).status_code == 401
        client.headers["Authorization"] = f"Bearer {given['FABULA_BOOTSTRAP_KEY']}"
        made = client.post("/v1/runs", json=asked)
        assert made.status_code == 202, made.text + fabulas["api"].log
        run, found = made.json()["run_id"], made.json()
        deadline = time.monotonic() + START_S
        while found["status"] in ("queued", "running"):
            assert time.monotonic() < deadline, fabulas["worker"].log
            found = client.get(f"/v1/runs/{run}", params={"wait": 10}).json()
    assert found["status"] == "succeeded", found
    with PrometheusOfStack(given["FABULA_BOOTSTRAP_KEY"], ports, tmp_path) as prometheus:
        prometheus.wait_until_healthy()
    for name in ("worker", "api"):
        assert fabulas[name].stop(stack["services"][name]["stop_grace_period"]) == 0
    logs = "".join(one.log for one in fabulas.values())
    secrets = [value for name, value in given.items() if name.endswith(("_KEY", "_SECRET"))]
    assert secrets
    assert not [one for one in secrets if one in logs]
