import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from fabula.gateway.provider import ChatRequest
from fabula.testing.faults import Script, parse_fault
from fabula.testing.loopback import LoopbackServer

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "post_ids"],
    "properties": {
        "title": {"type": "string"},
        "post_ids": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["p1"]}},
    },
}


def _body(words: str = "한옥을 소개하라.", **more: Any) -> dict[str, Any]:
    inner = {"name": "demo_plan", "schema": SCHEMA, "strict": True}
    return {
        "model": "m",
        "messages": [{"role": "user", "content": words}],
        "response_format": {"type": "json_schema", "json_schema": inner},
        **more,
    }


def _title(request: ChatRequest) -> dict[str, Any]:
    return {"title": f"{request.messages[0].content}의 제목과 그 뒷이야기", "post_ids": ["p1"]}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(answer=_title) as running:
        yield running


@pytest.fixture
def client(server: LoopbackServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=10, trust_env=False) as open_client:
        yield open_client


def _ask(client: httpx.Client, words: str = "한옥을 소개하라.", **more: Any) -> httpx.Response:
    return client.post("/v1/chat/completions", json=_body(words, **more))


def test_by_default_fills_the_schema_that_was_sent_with_the_same_bytes_each_time() -> None:
    with LoopbackServer() as one, LoopbackServer() as two:
        bodies = [_body(), _body(), _body("바다를 소개하라.")]
        first, second, other = (
            httpx.post(f"{url}/chat/completions", json=body, trust_env=False, timeout=10)
            for url, body in zip((one.base_url, two.base_url, two.base_url), bodies, strict=True)
        )
    value = json.loads(first.json()["choices"][0]["message"]["content"])
    assert value["post_ids"] == ["p1"]
    assert value["title"]
    assert first.content == second.content != other.content


def test_by_default_answers_plain_text_where_no_schema_was_sent() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "안녕"}]}
    with LoopbackServer() as server:
        url = f"{server.base_url}/chat/completions"
        answer = httpx.post(url, json=body, trust_env=False, timeout=10).json()
    assert not answer["choices"][0]["message"]["content"].startswith(('"', "{", " "))
    assert answer["usage"]["total_tokens"] > 0


def test_lists_a_model(client: httpx.Client) -> None:
    assert client.get("/v1/models").json()["data"][0]["id"]


def test_a_model_list_needs_the_key() -> None:
    with LoopbackServer(api_key="right") as server:
        for path, header in (("/v1/models", "authorization"), ("/v1beta/models", "x-goog-api-key")):
            codes = [
                httpx.get(f"{server.url}{path}", headers={header: key}, trust_env=False).status_code
                for key in ("right", "wrong")
            ]
            assert codes == [200, 401]


def test_google_s_questions_share_the_bill(client: httpx.Client, server: LoopbackServer) -> None:
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    asked = {"contents": [{"role": "user", "parts": [{"text": "한옥을 소개하라."}]}]}
    version = client.post(path, json=asked).json()["modelVersion"]
    assert len(server.stats()["in_flight"]) == 1
    assert client.post("/fabula/recorded", json={"model_version": version}).is_success
    assert client.post(path, json={"contents": []}).json()["error"]["status"] == "INVALID_ARGUMENT"
    stats = server.stats()
    assert (stats["paid"], stats["recorded"], stats["in_flight"]) == (1, 1, [])


def test_google_s_stream_ends_without_a_word(client: httpx.Client) -> None:
    path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    asked = {"contents": [{"role": "user", "parts": [{"text": "한옥을 소개하라."}]}]}
    assert client.post(path, json=asked).status_code == 400
    lines = client.post(path, json=asked, params={"alt": "sse"}).text.split("\n\n")
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    assert events[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_bad_body_is_refused_and_not_billed(client: httpx.Client, server: LoopbackServer) -> None:
    answer = client.post("/v1/chat/completions", json={"model": "m", "messages": []})
    assert answer.status_code == 400
    assert "messages" in answer.json()["error"]["message"]
    assert client.post("/v1/chat/completions", content=b"{").status_code == 400
    assert server.stats()["paid"] == 0


def test_a_call_flies_until_its_record_is_acknowledged(
    client: httpx.Client, server: LoopbackServer
) -> None:
    version = _ask(client).json()["model"]
    assert len(server.stats()["in_flight"]) == 1
    assert client.post("/fabula/recorded", json={"model_version": version}).is_success
    stats = client.get("/fabula/stats").json()
    assert (stats["paid"], stats["recorded"], stats["in_flight"]) == (1, 1, [])
    assert list(stats["answered_at"]) == [version.partition("@")[2]]


def test_an_acknowledgement_of_nothing_is_an_error(client: httpx.Client) -> None:
    assert client.post("/fabula/recorded", json={"body_hash": "none"}).status_code == 404


def test_a_kill_counts_what_hangs_and_what_was_answered_but_not_recorded(
    client: httpx.Client, server: LoopbackServer
) -> None:
    recorded = _ask(client, "하나").json()["model"]
    client.post("/fabula/recorded", json={"model_version": recorded})
    _ask(client, "둘")
    server.set_script(Script(faults=[parse_fault("hang@every:1")]))
    hanging = threading.Thread(target=_ask_in_vain, args=(server, "셋"))
    hanging.start()
    kill = client.post("/fabula/mark_kill", params={"settle_ms": 300}).json()
    assert [call["number"] for call in kill["calls"]] == [2, 3]
    assert client.post("/fabula/mark_kill").json()["in_flight"] == 0
    server.stop()
    hanging.join()


def _ask_in_vain(server: LoopbackServer, words: str) -> None:
    with (
        httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client,
        pytest.raises(httpx.HTTPError),
    ):
        _ask(client, words)


def test_a_kill_with_grace_counts_what_was_answered_just_now(
    client: httpx.Client, server: LoopbackServer
) -> None:
    _ask(client, "하나")
    time.sleep(0.3)
    _ask(client, "둘")
    kill = client.post("/fabula/mark_kill", params={"grace_ms": 150, "settle_ms": 0}).json()
    assert [call["number"] for call in kill["calls"]] == [2]


def test_a_client_that_died_stays_in_flight(server: LoopbackServer) -> None:
    server.set_script(Script(latency_ms=200))
    with (
        httpx.Client(base_url=server.url, trust_env=False, timeout=0.05) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        _ask(client)
    assert [call.number for call in server.mark_kill()] == [1]


def test_scripted_faults_meet_their_requests(client: httpx.Client, server: LoopbackServer) -> None:
    script = {"faults": ["429@every:3", "503@at:2"], "retry_after_s": 7}
    assert client.post("/fabula/script", json=script).is_success
    answers = [_ask(client) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 503, 429, 200]
    assert answers[2].headers["retry-after"] == "7"
    stats = server.stats()
    assert (stats["requests"], stats["paid"], stats["refused"]) == (4, 2, 2)


def test_a_script_that_cannot_be_read_is_refused(client: httpx.Client) -> None:
    assert client.post("/fabula/script", json={"faults": ["tired@at:1"]}).status_code == 400
    assert client.post("/fabula/script", json={"speed": 1}).status_code == 400


@pytest.mark.parametrize("fault", ["drop", "drop_midway"])
def test_a_dropped_connection_was_billed(
    client: httpx.Client, server: LoopbackServer, fault: str
) -> None:
    server.set_script(Script(faults=[parse_fault(f"{fault}@every:1")]))
    with pytest.raises(httpx.RemoteProtocolError):
        _ask(client)
    assert server.stats()["paid"] == 1


def test_wrong_ids_are_ids_that_were_never_offered(
    client: httpx.Client, server: LoopbackServer
) -> None:
    server.set_script(Script(faults=[parse_fault("wrong_ids@every:1")]))
    value = json.loads(_ask(client).json()["choices"][0]["message"]["content"])
    assert "p1" not in value["post_ids"]
    assert value["post_ids"]


def test_a_faulty_first_arrival_is_followed_by_a_good_one(
    client: httpx.Client, server: LoopbackServer
) -> None:
    server.set_script(Script(faults=[parse_fault("500@each:1")]))
    codes = [_ask(client, words).status_code for words in ("하나", "둘", "하나", "둘")]
    assert codes == [500, 500, 200, 200]


def test_streams_events_to_the_end(client: httpx.Client) -> None:
    whole = _ask(client).json()
    asked: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    lines = [line for line in _ask(client, **asked).text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    said = [event["choices"][0]["delta"].get("content", "") for event in events[:-1]]
    assert "".join(said) == whole["choices"][0]["message"]["content"]
    assert events[-1]["usage"] == whole["usage"]


def test_keeps_one_connection_open_for_many_questions(client: httpx.Client) -> None:
    answers = [_ask(client) for _ in range(3)]
    assert all("connection" not in answer.headers for answer in answers)
    streams = {answer.extensions["network_stream"].get_extra_info("socket") for answer in answers}
    assert len(streams) == 1


def test_serves_sixteen_at_once(server: LoopbackServer, client: httpx.Client) -> None:
    _ask(client)
    server.set_script(Script(latency_ms=200))
    started = time.perf_counter()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: _ask(client, f"{number}"), range(16)))
    assert all(answer.is_success for answer in answers)
    assert time.perf_counter() - started < 16 * 0.2 / 2
    assert server.stats()["paid"] == 17


def test_no_header_with_a_key_is_kept(client: httpx.Client, server: LoopbackServer) -> None:
    client.post("/v1/chat/completions", json=_body(), headers={"authorization": "Bearer hidden"})
    assert "hidden" not in repr(server.calls)


def test_stopping_drops_what_hangs(server: LoopbackServer) -> None:
    server.set_script(Script(faults=[parse_fault("hang@every:1")]))
    hanging = threading.Thread(target=_ask_in_vain, args=(server, "하나"))
    hanging.start()
    time.sleep(0.2)
    server.stop()
    hanging.join(timeout=5)
    assert not hanging.is_alive()


def test_runs_as_a_process_that_prints_its_port() -> None:
    command = [sys.executable, "-m", "fabula.testing.loopback", "--fault", "429@at:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        try:
            with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
                assert [_ask(client).status_code for _ in range(2)] == [429, 200]
                assert client.get("/fabula/stats").json()["paid"] == 1
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
