"""Who else is at work: a SQLite file serves the processes of one machine and one home alone."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fabula.errors import FabulaError
from fabula.runs.queue.leaving import end_tasks
from fabula.settings import Settings
from fabula.store.database import database_url
from fabula.store.documents import write_whole

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger("fabula.runs")
PRESENT = "fabula:present"
BEAT_S = 2.0
ALIVE_S = 8.0
"""So long after its last beat a process counts as alive."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_BEAT = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], 3600)
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""
"""Tell of oneself and hear of all that live, on the clock of Redis: those of hosts may differ."""


class SeveralHosts(FabulaError):
    """Refuse to share a SQLite file between machines, or runs between two files."""

    code = "several_hosts"

    def __init__(self, other: str) -> None:
        super().__init__(
            f"{other} is at work too, and the runs are in a SQLite file, which one machine with "
            "one FABULA_HOME can use: set FABULA_DATABASE_URL to a PostgreSQL for all of them",
            f"{other}도 함께 일하고 있는데 실행이 SQLite 파일에 있습니다. SQLite는 한 기계의 한 "
            "FABULA_HOME에서만 쓸 수 있습니다. 모두에게 같은 PostgreSQL을 FABULA_DATABASE_URL로 "
            "정하세요",
        )


@dataclass(frozen=True)
class Place:
    """Where a process works: its machine, and the store that its runs are in."""

    machine: str
    """The running kernel: containers of one machine share it, and may share a file."""
    host: str
    store: str

    @classmethod
    def of(cls, settings: Settings) -> Place:
        """Look where this process is."""
        host = socket.gethostname()
        machine = _BOOT.read_text().strip() if _BOOT.exists() else host
        return cls(machine, host, _store(settings, machine))

    @property
    def local(self) -> bool:
        """Say whether its store is a file."""
        return self.store.startswith("sqlite:")


class Presence:
    """Tells others that this process is here, as long as it is entered.

    Through Redis where there is one, and through the home where the store is a file.
    """

    def __init__(
        self, settings: Settings, client: Redis | None, *, place: Place | None = None
    ) -> None:
        self.place = place or Place.of(settings)
        self._client = client
        self._folder = settings.home / "present"
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._beat()
        self._beating = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._beating:
            await end_tasks(self._beating)
        if self.place.local:
            await asyncio.to_thread(self._file.unlink, missing_ok=True)
        await self._in_redis("zrem", PRESENT, self._told())

    async def refuse_strangers(self) -> None:
        """Raise SeveralHosts where a file holds the runs and somebody is at work elsewhere."""
        if not self.place.local:
            return
        for other in await self._beat():
            if other.store != self.place.store:
                raise SeveralHosts(f"`{other.host}`")

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self._beat()

    async def _beat(self) -> Sequence[Place]:
        """Tell of this process; return where all that live are, this one included."""
        there = await self._in_redis("eval", _BEAT, 1, PRESENT, self._told(), ALIVE_S) or []
        here: list[str] = []
        if self.place.local:
            try:
                here = await asyncio.to_thread(self._in_folder)
            except (OSError, FabulaError) as error:
                log.warning("presence not told error=%s", type(error).__name__)
        return [_place(json.loads(one)) for one in (*here, *there)]

    @property
    def _file(self) -> Path:
        digest = hashlib.sha256(self._told().encode()).hexdigest()[:16]
        return self._folder / f"{digest}.json"

    def _told(self) -> str:
        place = self.place
        told = {"machine": place.machine, "host": place.host, "store": place.store}
        return json.dumps({**told, "pid": os.getpid()}, sort_keys=True)

    def _in_folder(self) -> list[str]:
        if self._file.exists():
            os.utime(self._file)
        else:
            write_whole(self._file, self._told().encode())
        # On the clock of whoever serves the files, for the same reason.
        now = self._file.stat().st_mtime
        files = sorted(self._folder.glob("*.json"))
        return [one.read_text() for one in files if now - one.stat().st_mtime < ALIVE_S]

    async def _in_redis(self, command: str, *given: Any) -> Any:
        if self._client is None:
            return None
        from redis.exceptions import RedisError

        try:
            return await getattr(self._client, command)(*given)
        except (RedisError, OSError):
            # Redis away: nobody can be woken through it either.
            return None


def _place(told: Any) -> Place:
    return Place(str(told["machine"]), str(told["host"]), str(told["store"]))


def _store(settings: Settings, machine: str) -> str:
    url = database_url(settings.store_url)
    if url.get_backend_name() != "sqlite":
        return "server"
    home = settings.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    # Containers see one folder under many names: what the kernel calls it is the same.
    found = home.stat()
    return f"sqlite:{machine}:{found.st_dev}:{found.st_ino}"
