"""Real servers as child processes on free loopback ports, for tests, benchmarks and rehearsals."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from fabula.errors import FabulaError

START_S = 30.0
PORT_TRIES = 5
DEBIAN = Path("/usr/lib/postgresql")
CLIENTS_FROM = 32_768
"""Where Linux's ports for clients begin."""


class ServerMissing(FabulaError):
    """Name the program that is not there and the Debian package that brings it."""

    code = "server_missing"

    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            f"there is no `{program}` here: apt install {package}",
            f"`{program}` 프로그램이 없습니다: apt install {package}",
        )
        self.package = package


class ServerFailed(FabulaError):
    """A server did not start; the message ends with the last lines of its log."""

    code = "server_failed"


class Server:
    """A server of one's own: its folder goes with it, its port stays when it comes back.

    Use it as a context manager, or call `start` and `close`.
    """

    program: ClassVar[str]
    package: ClassVar[str]
    ends_on: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self) -> None:
        self._program = self._find(self.program)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where clients reach it; known once it has been started."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process, "the server is not running"  # noqa: S101 - misuse in a test
        return self._process.pid

    @property
    def folder(self) -> Path:
        """The server's own folder, made at the first start and removed by `close`."""
        if self._folder is None:
            self._folder = self._make_folder()
        return self._folder

    def start(self) -> None:
        """Start it and wait until it answers; ServerFailed with its last words if it does not."""
        if self.running:
            return
        for tried in range(1, PORT_TRIES + 1):
            fixed = bool(self.port)
            self.port = self.port or free_port()
            try:
                self._launch()
            except ServerFailed:
                self._end(signal.SIGKILL)
                # Another process may have taken the port between the look and the start.
                if fixed or tried == PORT_TRIES:
                    raise
                self.port = 0
            else:
                return

    def stop(self) -> None:
        """End it in order; what it keeps on disk is kept."""
        self._end(self.ends_on)

    def kill(self) -> None:
        """End it at once, as a crash of the machine would (SIGKILL to every process of it)."""
        children = _children(self._process.pid) if self._process and self.running else []
        self._end(signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        deadline = time.monotonic() + START_S
        while any(_alive(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.01)

    def restart(self) -> None:
        """Stop it and start it on the same port and folder."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and remove its folder."""
        self.kill()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def log(self) -> str:
        """Return what the server has written to its log."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _find(self, program: str) -> str:
        if found := shutil.which(program):
            return found
        raise ServerMissing(program, self.package)

    def _make_folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"fabula-{self.program}-"))

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _user(self) -> str | None:
        return None

    def _launch(self) -> None:
        command = self._command()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a program that was looked up
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user(),
                group=self._user(),
                extra_groups=[] if self._user() else None,
                # A Ctrl-C for the tests is not one for the server: they end it themselves.
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(f"{self.program} did not start: {self.log()[-2000:]}")
            time.sleep(0.02)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class RedisServer(Server):
    """Redis on a free port; it forgets everything when it ends, unless `appendonly`."""

    program = "redis-server"
    package = "redis-server"

    def __init__(self, *, appendonly: bool = False) -> None:
        super().__init__()
        self._appendonly = appendonly

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> Sequence[str]:
        kept = "yes" if self._appendonly else "no"
        given = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": kept}
        return [self._program, *(word for key, one in given.items() for word in (f"--{key}", one))]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


class PostgresServer(Server):
    """PostgreSQL on a free port, with a user `fabula` who needs no password.

    It is made without fsync, which a crash of the process survives and one of the machine does
    not; `durable` makes it as a real one would be. Its texts are sorted as English sorts them, so
    that nothing leans on the order of bytes.
    """

    program = "postgres"
    package = "postgresql"
    ends_on = signal.SIGINT

    def __init__(self, *, durable: bool = False, max_connections: int = 200) -> None:
        super().__init__()
        self._durable = durable
        self._max_connections = max_connections

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://fabula@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Make a database and return its URL; nobody may be connected to the template."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str, *, database: str = "postgres") -> None:
        """Run one statement as the superuser, outside of a transaction."""
        import psycopg

        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _find(self, program: str) -> str:
        if found := shutil.which(program):
            return found
        # Debian keeps the server's programs off the PATH, in a folder for each version.
        homes = DEBIAN.glob("*/bin")
        for home in sorted(homes, key=lambda one: int(one.parent.name), reverse=True):
            if (home / program).is_file():
                return str(home / program)
        raise ServerMissing(program, self.package)

    def _user(self) -> str | None:
        # The server refuses to run as root.
        if os.geteuid() != 0:
            return None
        try:
            return pwd.getpwnam("postgres").pw_name
        except KeyError:
            raise ServerMissing("postgres (its user)", self.package) from None

    def _make_folder(self) -> Path:
        folder = super()._make_folder()
        if user := self._user():
            shutil.chown(folder, user, user)
            for parent in folder.parents:
                mode = parent.stat().st_mode
                if not mode & 0o001:
                    raise ServerFailed(
                        f"{parent} is closed to the user `{user}`: set TMPDIR to a folder whose "
                        "parents are all open to it, such as /tmp"
                    )
        return folder

    def _command(self) -> Sequence[str]:
        if not (self.folder / "data" / "PG_VERSION").exists():
            self._make_cluster()
        given = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": str(self._max_connections),
        }
        if not self._durable:
            given |= {"fsync": "off", "full_page_writes": "off"}
        settings = [word for key, one in given.items() for word in ("-c", f"{key}={one}")]
        return [self._program, "-D", str(self.folder / "data"), "-p", str(self.port), *settings]

    def _make_cluster(self) -> None:
        made = subprocess.run(  # noqa: S603 - a program that was looked up
            [
                self._find("initdb"),
                *("-D", str(self.folder / "data"), "-U", "fabula", "--auth=trust"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu"),
                *("--icu-locale=en-US", "--no-sync"),
            ],
            cwd=self.folder,
            capture_output=True,
            user=self._user(),
            group=self._user(),
            extra_groups=[] if self._user() else None,
            check=False,
        )
        if made.returncode:
            raise ServerFailed(f"initdb failed: {made.stderr.decode(errors='replace')[-2000:]}")

    def _answers(self) -> bool:
        ready = subprocess.run(  # noqa: S603 - a program that was looked up
            [self._find("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            capture_output=True,
            check=False,
        )
        return ready.returncode == 0


def free_port() -> int:
    """Return a loopback port that nobody listens on now.

    It is below the ports that clients are given: one of those could be taken while the server is
    down, or, by a client that tries to reach it, connect to itself.
    """
    while True:
        port = CLIENTS_FROM - 1 - secrets.randbelow(CLIENTS_FROM // 2)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _children(pid: int) -> list[int]:
    # Each of them leads a group of its own, so that a signal to the server's does not reach them.
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
