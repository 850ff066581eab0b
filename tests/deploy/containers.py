"""Services of the compose file as child processes: their commands, environments and checks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from fabula.testing.servers import free_port
from tests.deploy.stack import seconds

START_S = 60
Here = Callable[[str], str]
"""Puts an address of this machine where the stack has its own."""


def healthy(test: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Run a health check as Docker does and say whether it passed."""
    command = ["sh", "-c", test[1]] if test[0] == "CMD-SHELL" else list(test[1:])
    given = {**os.environ, **environment}
    return subprocess.run(command, env=given, capture_output=True, check=False).returncode == 0


class Container:
    """A process that is started, checked and ended as Docker would do it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environment = {**os.environ, **environment}
        self._log = log

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def healthy(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._log.parent,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_S
        while not self.healthy():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def stop(self, grace: str) -> int:
        """Ask it to end as `docker stop` does; return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(min(seconds(grace), START_S))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running: {self.log}") from None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class RedisOfStack(Container):
    """The Redis of the compose file, with a folder and a port of its own."""

    def __init__(self, service: Mapping[str, Any], folder: Path) -> None:
        self.port = free_port()
        self._test = service["healthcheck"]["test"]
        sh, flag, script = service["command"]
        assert "dir /data\n" in script
        own = f"dir {folder}\nport {self.port}\nbind 127.0.0.1\n"
        command = [sh, flag, script.replace("dir /data\n", own)]
        super().__init__(command, service["environment"], folder / "redis.log")

    def healthy(self, **other: str) -> bool:
        """Ask its health check, at its own port."""
        how, line = self._test
        mine = line.replace("redis-cli", f"redis-cli -p {self.port}")
        return healthy([how, mine], {**self._environment, **other})


class FabulaOfStack(Container):
    """The api or a worker of the compose file, with addresses and ports of this machine."""

    def __init__(
        self, service: Mapping[str, Any], *, addresses: Here, ports: Here, folder: Path
    ) -> None:
        how, python, flag, script = service["healthcheck"]["test"]
        assert (how, python) == ("CMD", "python")
        self._test = [how, sys.executable, flag, ports(script)]
        fabula = str(Path(sys.executable).parent / "fabula")
        command = [fabula, *(ports(word) for word in service["command"])]
        environment = {name: addresses(one) for name, one in service["environment"].items()}
        super().__init__(command, environment, folder / f"{service['command'][0]}.log")

    def healthy(self) -> bool:
        return healthy(self._test, self._environment)
