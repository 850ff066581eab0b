"""The service as a child process, and its API."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from fabula.testing.loopback import LoopbackServer

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


class Served:
    """A running service: its process, its home and a client of its API."""

    def __init__(self, home: Path, models: LoopbackServer) -> None:
        self.home = home
        self.models = models
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        self.start()
        self.api = httpx.Client(base_url=self.url, timeout=60)

    def start(self) -> None:
        port = self.url.rpartition(":")[2] or "0"
        command = ["-m", "tests.browser.served", str(self.home), self.models.url, port]
        self._process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:")

    def end(self, *, at_once: bool = False) -> None:
        process, self._process = self._process, None
        if process and process.stdout:
            process.kill() if at_once else process.terminate()
            process.wait(30)
            process.stdout.close()

    def run(self, product: str, brief: dict[str, Any], **more: Any) -> str:
        answer = self.api.post("/v1/runs", json={"product": product, "brief": brief, **more})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    def resting(self, run: str) -> str:
        """Wait until nobody works on a run; return its status."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            status = str(self.api.get(f"/v1/runs/{run}?wait=10").json()["status"])
            if status not in ("queued", "running"):
                return status
        raise AssertionError("the run goes on and on")

    def numbers(self, run: str) -> list[int]:
        """Return the numbers of all events of a run that has ended."""
        answer = self.api.get(f"/v1/runs/{run}/events")
        return [int(one) for one in re.findall(r"^id: (\d+)$", answer.text, re.MULTILINE)]
