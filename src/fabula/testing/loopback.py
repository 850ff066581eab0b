"""A server on 127.0.0.1 that speaks OpenAI's and Google's wire formats and bills on arrival.

As a process: `python -m fabula.testing.loopback --port 0` prints its port on one line.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from fabula.testing.answers import offline_answer, warm_up
from fabula.testing.bill import Call
from fabula.testing.endpoint import SETTLE_MS, Answer, BillingServer, Desk
from fabula.testing.faults import Script, parse_fault

HOST = "127.0.0.1"


class LoopbackServer:
    """Serve until `stop`; a context manager starts and stops it.

    `answer` gives a JSON value or a raw text for a request; by default what the offline model
    says, with the products' recipes, a function of the body alone. With `api_key` a request
    without it is answered 401. `set_script` changes its behaviour while it runs.

    Every request is billed on arrival and in flight until its record is acknowledged: a worker
    posts `{"model_version": …}` (the server's version names the question's hash), or
    `{"body_hash": …}`, to `/fabula/recorded`. `GET /fabula/stats`, `POST /fabula/mark_kill`,
    `/fabula/script` and `/fabula/reset` do over HTTP what the methods do.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        script: Script | None = None,
        api_key: str | None = None,
        answer: Answer = offline_answer,
    ) -> None:
        self._desk = Desk(answer=answer, script=script or Script(), api_key=api_key)
        self._server = BillingServer((HOST, port), self._desk)
        self._thread = threading.Thread(target=self._serve, name="loopback", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def base_url(self) -> str:
        """The base URL that an OpenAI client takes."""
        return f"{self.url}/v1"

    @property
    def google_base_url(self) -> str:
        """The base URL that a Gemini client takes."""
        return self.url

    @property
    def calls(self) -> list[Call]:
        """Every request that arrived, in order."""
        return list(self._desk.bill.calls)

    def set_script(self, script: Script) -> None:
        self._desk.script = script

    def stats(self) -> dict[str, Any]:
        return self._desk.bill.stats()

    def recorded(self, body_hash: str) -> bool:
        """Acknowledge that this answer is on a disk; False for one never given."""
        return self._desk.bill.record(body_hash)

    def mark_kill(
        self, *, grace_ms: float | None = None, settle_ms: float = SETTLE_MS
    ) -> list[Call]:
        """Count the calls in flight now; see `Desk.mark_kill`."""
        return self._desk.mark_kill(grace_ms=grace_ms, settle_ms=settle_ms)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop at once: what hangs is dropped, every socket is closed."""
        self._desk.closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.02)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m fabula.testing.loopback")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--retry-after-s", type=float, default=0.05)
    parser.add_argument("--fault", action="append", default=[], metavar="KIND@every:N")
    parser.add_argument("--api-key")
    given = parser.parse_args(argv)
    script = Script(
        faults=tuple(parse_fault(text) for text in given.fault),
        latency_ms=given.latency_ms,
        retry_after_s=given.retry_after_s,
    )
    ends = {signal.SIGTERM, signal.SIGINT}
    # Before any thread starts: only the one that waits may take them.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    warm_up()
    with LoopbackServer(port=given.port, script=script, api_key=given.api_key) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        signal.sigwait(ends)
    return 0


if __name__ == "__main__":
    sys.exit(main())
