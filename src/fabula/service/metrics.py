"""`GET /metrics`: this process's figures, and those of the queue, for Prometheus."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fabula import __version__
from fabula.runs.metrics import OTHER, Metrics
from fabula.runs.queue.queueing import QUEUES
from fabula.service.auth import Known
from fabula.service.state import Here
from fabula.store.engine import Store
from fabula.store.queue import depths, oldest_due

router = APIRouter(tags=["service"])
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ANSWER_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
STATUSES = ("queued", "running", "waiting")


class ServiceMetrics(Metrics):
    """The figures of a service: of its runs, its requests and its queue."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = Counter(
            "fabula_http_requests",
            "Requests answered, by route.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.answers = Histogram(
            "fabula_http_answer_seconds",
            "From a request to the first byte of its answer; a stream goes on after it.",
            ("method", "route"),
            buckets=ANSWER_S,
            registry=self.registry,
        )
        self.streams = Gauge(
            "fabula_sse_clients", "Event streams that are open now.", registry=self.registry
        )
        self._depth = Gauge(
            "fabula_queue_runs",
            "Runs that have not ended, by queue and status; of every process.",
            ("queue", "status"),
            registry=self.registry,
        )
        self._oldest = Gauge(
            "fabula_queue_oldest_seconds",
            "How long the oldest due run of a queue has waited; 0: nothing is due.",
            ("queue",),
            registry=self.registry,
        )
        built = Gauge("fabula_build_info", "The version.", ("version",), registry=self.registry)
        built.labels(__version__).set(1)

    async def look(self, store: Store) -> None:
        """Read how the queue stands."""
        counted, waited = await depths(store), await oldest_due(store)
        for queue in QUEUES:
            self._oldest.labels(queue).set(max(0.0, waited.get(queue, 0.0)))
            for status in STATUSES:
                self._depth.labels(queue, status).set(counted.get((queue, status), 0))


class CountRequests:
    """Counts requests by route, never by path: paths have no end."""

    def __init__(self, app: ASGIApp, *, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, streaming = time.perf_counter(), 500, False
        waited: float | None = None

        async def noted(message: Message) -> None:
            nonlocal status, streaming, waited
            if message["type"] == "http.response.start":
                status, waited = int(message["status"]), time.perf_counter() - began
                kind = Headers(raw=message.get("headers", [])).get("content-type", "")
                streaming = kind.startswith("text/event-stream")
                if streaming:
                    self._metrics.streams.inc()
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            if streaming:
                self._metrics.streams.dec()
            method = scope["method"] if scope["method"] in METHODS else OTHER
            route = getattr(scope.get("route"), "path", None) or "unmatched"
            self._metrics.requests.labels(method, route, str(status)).inc()
            if waited is not None:
                self._metrics.answers.labels(method, route).observe(waited)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def show_metrics(request: Request, service: Here, who: Known) -> Response:  # noqa: ARG001
    """Show the figures in the text format of Prometheus."""
    metrics: ServiceMetrics = request.app.state.metrics
    if service.pool:
        metrics.executing.set(service.pool.busy)
    await metrics.look(service.store)
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
