"""The HTTP side of the loopback server: routes, faults, streams."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fabula.errors import BadInput
from fabula.gateway.provider import ChatRequest
from fabula.testing import wire
from fabula.testing.answers import as_text
from fabula.testing.bill import Bill, Call
from fabula.testing.faults import Kind, Script, read_script
from fabula.testing.flaws import malformed, truncated, wrong_ids

HANG_S = 3600.0
SETTLE_MS = 50.0
REFUSAL = "요청을 도와드릴 수 없습니다."
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
        if path == "/v1/models":
            model = {"id": "loopback", "object": "model", "owned_by": "fabula"}
            self._send(200, {"object": "list", "data": [model]})
        elif path == "/fabula/stats":
            self._send(200, self.server.desk.bill.stats())
        else:
            self._send(404, wire.error(404, f"no such path: {path}"))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        routes = {
            "/v1/chat/completions": self._chat,
            "/fabula/recorded": self._recorded,
            "/fabula/mark_kill": self._mark_kill,
            "/fabula/script": self._new_script,
            "/fabula/reset": self._reset,
        }
        if url.path not in routes:
            self._send(404, wire.error(404, f"no such path: {url.path}"))
            return
        try:
            body = json.loads(raw or b"{}")
            if not isinstance(body, dict):
                raise wire.BadBodyError("body: a JSON object is needed")
            query = {key: values[-1] for key, values in parse_qs(url.query).items()}
            routes[url.path](body, query)
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

    def _chat(self, body: Mapping[str, Any], _: Mapping[str, str]) -> None:
        desk = self.server.desk
        request = wire.read_request(body)
        hash_ = wire.body_hash(body)
        heard = {name: self.headers[name] for name in _KEPT_HEADERS if name in self.headers}
        call = desk.bill.receive(hash_, agent=request.agent, body=body, headers=heard)
        sent_key = self.headers.get("authorization", "").removeprefix("Bearer ")
        if desk.api_key is not None and sent_key != desk.api_key:
            desk.bill.refuse(call)
            # OpenAI, too, repeats the key that it refuses.
            self._send(401, wire.error(401, f"Incorrect API key provided: {sent_key}"))
            return
        script = desk.script
        fault = script.fault(call.number, call.repeat)
        if isinstance(fault, int) or fault == "quota":
            desk.bill.refuse(call)
        desk.closing.wait(script.latency_s(call.number))
        if fault == "quota":
            self._send(429, wire.error(429, "You exceeded your quota", code="insufficient_quota"))
        elif isinstance(fault, int):
            wish = {"retry-after": f"{script.retry_after_s:g}"} if fault in (429, 503) else {}
            self._send(fault, wire.error(fault, f"scripted {fault}"), wish)
        elif fault in ("hang", "drop"):
            desk.closing.wait(HANG_S if fault == "hang" else 0)
            self._drop()
        else:
            self._answer(call, request, body, fault)

    def _answer(
        self, call: Call, request: ChatRequest, body: Mapping[str, Any], fault: Kind | None
    ) -> None:
        desk = self.server.desk
        reply = _spoilt(as_text(desk.answer(request)), fault)
        # The model's version names the question, so that a worker can acknowledge its record.
        named = {"model": f"{request.model}@{call.body_hash}", "id": f"chatcmpl-{call.body_hash}"}
        if fault == "not_json":
            self._send_bytes(200, b"<html>Bad gateway</html>", "text/html")
        elif body.get("stream"):
            with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            events = [*wire.chunks(request, reply, **named, with_usage=with_usage)]
            self._stream(events, cut=fault == "drop_midway")
        else:
            whole = json.dumps(wire.completion(request, reply, **named), ensure_ascii=False)
            self._send_bytes(200, whole.encode(), "application/json", cut=fault == "drop_midway")
        desk.bill.answer(call)

    def _stream(self, events: Sequence[Mapping[str, Any]], *, cut: bool) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events[: len(events) // 2] if cut else events:
            self._chunk(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
        if cut:
            self._drop()
        else:
            self._chunk(b"data: [DONE]\n\n")
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
    whole = wire.Reply(text)
    match fault:
        case "truncated":
            return replace(whole, text=truncated(text), finish_reason="length")
        case "malformed":
            return replace(whole, text=malformed(text))
        case "wrong_ids":
            return replace(whole, text=as_text(wrong_ids(json.loads(text))))
        case "no_usage":
            whole = replace(whole, tells_usage=False)
        case "refusal":
            whole = wire.Reply(REFUSAL, refusal=True)
        case "no_finish":
            whole = replace(whole, finish_reason="")
    return whole
