"""The HTTP side of the loopback server: routes, faults, streams."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fabula.errors import BadInput
from fabula.gateway.provider import ChatRequest
from fabula.testing import wire
from fabula.testing.answers import as_text
from fabula.testing.bill import Bill, Call
from fabula.testing.dialects import Dialect, dialect_of, key_of, read_object
from fabula.testing.faults import Kind, Script, read_script
from fabula.testing.flaws import malformed, truncated, wrong_ids
from fabula.testing.turnstile import Turnstile

HANG_S = 3600.0
SETTLE_MS = 50.0
TOO_MANY_REQUESTS = 429
REFUSAL = "요청을 도와드릴 수 없습니다."
THOUGHTS = "무엇을 써야 할지 먼저 따져 본다."
_KEPT_HEADERS = ("content-type", "user-agent", "accept", "x-stainless-retry-count")

Answer = Callable[[ChatRequest], object]


@dataclass
class Desk:
    """What the server's threads share."""

    answer: Answer
    script: Script
    api_key: str | None
    bill: Bill = field(default_factory=Bill)
    closing: threading.Event = field(default_factory=threading.Event)
    turnstile: Turnstile = field(default_factory=Turnstile)

    def fault(self, call: Call) -> Kind | int | None:
        """Return what the call meets: a fault of the script, or the limit."""
        script = self.script
        fault = script.fault(call.number, call.repeat)
        if fault is None and script.per_s:
            through = self.turnstile.lets_through(script.per_s, script.burst)
            return None if through else TOO_MANY_REQUESTS
        return fault

    def mark_kill(
        self, *, grace_ms: float | None = None, settle_ms: float = SETTLE_MS
    ) -> list[Call]:
        """Count the calls in flight now, right after a worker was killed.

        What the worker had sent may still be on its way in, so this waits `settle_ms` first; the
        grace begins before that wait.
        """
        self.closing.wait(settle_ms / 1000)
        grace_s = None if grace_ms is None else (grace_ms + settle_ms) / 1000
        return self.bill.mark_kill(grace_s=grace_s)


class BillingServer(ThreadingHTTPServer):
    daemon_threads = True
    # Joining would wait for clients that keep an idle connection open.
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], desk: Desk) -> None:
        self.desk = desk
        self._sockets: set[socket.socket] = set()
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that went away is what this server is made to see.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        for open_socket in list(self._sockets):
            self.shutdown_request(open_socket)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: BillingServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's word
        """Stay silent."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        listed = {"id": "loopback", "object": "model", "owned_by": "fabula"}
        models: dict[str, dict[str, Any]] = {
            "/v1/models": {"object": "list", "data": [listed]},
            "/v1beta/models": {"models": [{"name": "models/loopback"}]},
        }
        key = self.server.desk.api_key
        if path in models and key is not None and key_of(self.headers) != key:
            self._send(401, wire.error(401, f"Incorrect API key provided: {key_of(self.headers)}"))
        elif path in models:
            self._send(200, models[path])
        elif path == "/fabula/stats":
            self._send(200, self.server.desk.bill.stats())
        else:
            self._send(404, wire.error(404, f"no such path: {path}"))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        routes = {
            "/fabula/recorded": self._recorded,
            "/fabula/mark_kill": self._mark_kill,
            "/fabula/script": self._new_script,
            "/fabula/reset": self._reset,
        }
        try:
            if dialect := dialect_of(url.path, query, raw):
                self._chat(dialect, read_object(raw))
            elif url.path in routes:
                routes[url.path](read_object(raw), query)
            else:
                self._send(404, wire.error(404, f"no such path: {url.path}"))
        except (ValueError, BadInput) as bad:
            self._send(400, wire.error(400, str(bad)))

    def _recorded(self, body: Mapping[str, Any], _: Mapping[str, str]) -> None:
        name = body.get("body_hash") or str(body.get("model_version", "")).rpartition("@")[2]
        known = self.server.desk.bill.record(str(name))
        self._send(200 if known else 404, {"recorded": known})

    def _mark_kill(self, _: Mapping[str, Any], query: Mapping[str, str]) -> None:
        flying = self.server.desk.mark_kill(
            grace_ms=float(query["grace_ms"]) if "grace_ms" in query else None,
            settle_ms=float(query.get("settle_ms", SETTLE_MS)),
        )
        self._send(200, {"in_flight": len(flying), "calls": [call.brief() for call in flying]})

    def _new_script(self, body: Mapping[str, Any], _: Mapping[str, str]) -> None:
        self.server.desk.script = read_script(body)
        self._send(200, {})

    def _reset(self, _: Mapping[str, Any], __: Mapping[str, str]) -> None:
        self.server.desk.bill.forget()
        self._send(200, {})

    def _chat(self, dialect: Dialect, body: Mapping[str, Any]) -> None:
        desk = self.server.desk
        try:
            request = dialect.read()
        except wire.BadBodyError as bad:
            self._refuse(dialect, 400, str(bad))
            return
        heard = {name: self.headers[name] for name in _KEPT_HEADERS if name in self.headers}
        call = desk.bill.receive(dialect.body_hash(), agent=request.agent, body=body, headers=heard)
        sent_key = key_of(self.headers)
        if desk.api_key is not None and sent_key != desk.api_key:
            desk.bill.refuse(call)
            # OpenAI, too, repeats the key that it refuses.
            self._refuse(dialect, 401, f"Incorrect API key provided: {sent_key}")
            return
        script = desk.script
        fault = desk.fault(call)
        if isinstance(fault, int) or fault == "quota":
            desk.bill.refuse(call)
        desk.closing.wait(script.latency_s(call.number))
        if fault == "quota":
            self._refuse(dialect, 429, "You exceeded your quota", code="insufficient_quota")
        elif isinstance(fault, int):
            wish = script.retry_after_s if fault in (429, 503) else None
            self._refuse(dialect, fault, f"scripted {fault}", retry_after_s=wish)
        elif fault in ("hang", "drop"):
            desk.closing.wait(HANG_S if fault == "hang" else 0)
            self._drop()
        else:
            self._answer(call, request, dialect, fault)

    def _refuse(self, dialect: Dialect, status: int, message: str, **more: Any) -> None:
        refusal = dialect.refuse(status, message, **more)
        self._send(status, refusal.body, refusal.headers)

    def _answer(
        self, call: Call, request: ChatRequest, dialect: Dialect, fault: Kind | None
    ) -> None:
        desk = self.server.desk
        reply = _spoilt(as_text(desk.answer(request)), fault)
        cut = fault == "drop_midway"
        if fault == "not_json":
            self._send_bytes(200, b"<html>Bad gateway</html>", "text/html")
        elif (events := dialect.events(request, reply)) is not None:
            self._stream(events, last=dialect.last, cut=cut)
        else:
            whole = json.dumps(dialect.whole(request, reply), ensure_ascii=False)
            self._send_bytes(200, whole.encode(), "application/json", cut=cut)
        desk.bill.answer(call)

    def _stream(self, events: Sequence[Mapping[str, Any]], *, last: bytes, cut: bool) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events[: len(events) // 2] if cut else events:
            self._chunk(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
        if cut:
            self._drop()
            return
        if last:
            self._chunk(last)
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _send(
        self, status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        data = json.dumps(value, ensure_ascii=False).encode()
        self._send_bytes(status, data, "application/json", headers=headers)

    def _send_bytes(
        self,
        status: int,
        data: bytes,
        media_type: str,
        *,
        headers: Mapping[str, str] | None = None,
        cut: bool = False,
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self._drop()

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _spoilt(text: str, fault: Kind | None) -> wire.Reply:
    return _SPOILS[fault](text) if fault in _SPOILS else wire.Reply(text)


_SPOILS: Mapping[Kind | None, Callable[[str], wire.Reply]] = {
    "truncated": lambda text: wire.Reply(truncated(text), finish_reason="length"),
    "malformed": lambda text: wire.Reply(malformed(text)),
    "wrong_ids": lambda text: wire.Reply(as_text(wrong_ids(json.loads(text)))),
    "no_usage": lambda text: wire.Reply(text, tells_usage=False),
    "refusal": lambda _: wire.Reply(REFUSAL, refusal=True),
    "no_finish": lambda text: wire.Reply(text, finish_reason=""),
    "thinks": lambda text: wire.Reply(text, thoughts=THOUGHTS),
    "safety": lambda text: wire.Reply(truncated(text), finish_reason="safety"),
    "blocked": lambda _: wire.Reply("", finish_reason="safety", blocked=True),
    "continued": lambda text: wire.Reply(truncated(text), finish_reason="continued"),
}
