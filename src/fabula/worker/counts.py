"""A worker's own figures, for Prometheus; what the tables say the service tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fabula.errors import BadInput, MissingExtra
from fabula.runs.ends import End
from fabula.store.claims import Claimed


class Counts:
    """Figures in a registry of their own, so that two workers in one process do not meet.

    `runs` holds those of its runs, which a service that executes its own has too.
    """

    def __init__(self) -> None:
        try:
            from prometheus_client import Counter

            from fabula.runs.metrics import Metrics
        except ImportError:
            raise MissingExtra("fabula worker", "service") from None
        self.runs = Metrics()
        self.registry = self.runs.registry
        self._ended = Counter(
            "fabula_worker_parts",
            "Runs, or parts of long ones, that this worker brought to an end.",
            ("product", "status"),
            registry=self.registry,
        )
        self._refused = Counter(
            "fabula_worker_refused_jobs",
            "Jobs of other applications that could not be taken, by reason.",
            ("reason",),
            registry=self.registry,
        )

    def ended(self, claimed: Claimed, end: End) -> None:
        """Count an end."""
        status = "part" if end.more else end.status
        self._ended.labels(claimed.row.product, status).inc()
        self.runs.end(claimed, end)

    def refused(self, reason: str) -> None:
        """Count a job that was turned away."""
        self._refused.labels(reason).inc()

    @contextmanager
    def shown(self, port: int | None) -> Iterator[None]:
        """Serve the figures on that port of every address; None: nowhere."""
        if port is None:
            yield
            return
        from prometheus_client import start_http_server

        try:
            server, thread = start_http_server(port, registry=self.registry)
        except OSError as error:
            raise BadInput(
                "--metrics-port",
                f"port {port} cannot be opened: {error.strerror}; name another one",
                f"{port}번 포트를 열 수 없습니다: {error.strerror}. 다른 포트를 주세요",
            ) from None
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
