from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from fabula.testing.servers import PostgresServer, RedisServer, Server, ServerMissing


@pytest.mark.parametrize("made", [RedisServer, PostgresServer])
def test_a_server_keeps_its_port_and_leaves_nothing_behind(made: type[Server]) -> None:
    with made() as server:
        folder, url = server.folder, server.url
        for end in (server.stop, server.kill):
            end()
            assert not server.running
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", server.port), timeout=1)
            server.start()
        server.restart()
        assert (server.running, server.url) == (True, url)
        pid = server.pid
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(("appendonly", "kept"), [(False, None), (True, b"1")])
def test_redis_forgets_unless_it_writes_down(appendonly: bool, kept: bytes | None) -> None:
    with RedisServer(appendonly=appendonly) as server:
        with Redis.from_url(server.url) as client:
            client.set("a", 1)
        server.stop()
        server.start()
        with Redis.from_url(server.url) as client:
            assert client.get("a") == kept


def test_what_postgres_committed_outlives_a_kill() -> None:
    with PostgresServer() as server:
        server.execute("CREATE TABLE kept (n int)")
        server.execute("INSERT INTO kept VALUES (1)")
        server.kill()
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_a_kill_ends_every_process_of_the_server() -> None:
    with PostgresServer() as server, psycopg.connect(server.url) as connection:
        backend = connection.info.backend_pid
        server.kill()
        deadline = time.monotonic() + 10
        while Path(f"/proc/{backend}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not Path(f"/proc/{backend}").exists()


def test_a_durable_server_syncs_and_a_quick_one_does_not() -> None:
    for durable, wanted in ((True, "on"), (False, "off")):
        with PostgresServer(durable=durable) as server, psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == (wanted,)


@pytest.mark.parametrize(
    ("made", "package"), [(RedisServer, "redis-server"), (PostgresServer, "postgresql")]
)
def test_a_missing_program_names_its_package(
    made: type[Server], package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("fabula.testing.servers.DEBIAN", tmp_path)
    with pytest.raises(ServerMissing, match=f"apt install {package}"):
        made()


def test_a_server_may_be_started_and_closed_twice() -> None:
    server = RedisServer()
    server.start()
    server.start()
    os.kill(server.pid, signal.SIGKILL)
    server.close()
    server.close()
