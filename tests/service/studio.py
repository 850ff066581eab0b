"""Studio's server, `langgraph dev`, as a child process on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from fabula.settings import Settings

ROOT = Path(__file__).parents[2]
STARTUP_S = 60.0


@dataclass(frozen=True)
class Studio:
    url: str
    settings: Settings


@contextmanager
def studio_at(folder: Path) -> Iterator[Studio]:
    """Serve what `langgraph.json` lists, its data in a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {
        **kept,
        "FABULA_HOME": str(folder / "home"),
        "LANGSMITH_TRACING": "false",
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    }
    command = [
        *(str(Path(sys.executable).with_name("langgraph")), "dev", "--no-browser", "--no-reload"),
        *("--config", str(ROOT / "langgraph.json"), "--host", "127.0.0.1", "--port", str(port)),
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(server, url, folder / "server.log")
            yield Studio(url, Settings(home=folder / "home"))
        finally:
            _kill(server)


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/ok", timeout=2).status_code == 200:
                return
        time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")


def _kill(server: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
