import asyncio
import json
import socket
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fabula.errors import MissingExtra
from fabula.gateway import gemini as adapter
from fabula.gateway.gemini import endpoint, gemini_provider
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.provider import ChatAnswer, ChatProvider, ChatRequest, Message, ProviderError
from fabula.testing.endpoint import THOUGHTS
from fabula.testing.faults import Script, parse_fault
from fabula.testing.loopback import LoopbackServer

KEY = "-".join(("loopback", "key", "0123456789"))
MODEL = "gemini-2.5-flash"
ANSWER = {"template_id": "editorial-deep", "reason": "깊이 있는 글입니다."}
TEXT = json.dumps(ANSWER, ensure_ascii=False)
SCHEMA: dict[str, Any] = {
    "$defs": {"Why": {"type": "string", "maxLength": 80}},
    "type": "object",
    "additionalProperties": False,
    "required": ["template_id", "reason"],
    "properties": {
        "template_id": {"type": "string", "enum": ["editorial-deep", "shopping-guide"]},
        "reason": {"$ref": "#/$defs/Why"},
    },
}
REQUEST = ChatRequest(
    agent="magazine.classify",
    item="classify",
    attempt=0,
    model=MODEL,
    messages=(Message("system", "너는 편집자다."), Message("user", "서식을 골라라.")),
    schema=SCHEMA,
    schema_name="magazine_classify",
    seed=1,
    max_output_tokens=321,
    temperature=0.0,
)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(api_key=KEY, answer=lambda _: ANSWER) as running:
        yield running


def _provider(server: LoopbackServer, **more: Any) -> ChatProvider:
    given = {
        "model": MODEL,
        "api_key": KEY,
        "base_url": server.google_base_url,
        "timeout_s": 5.0,
        **more,
    }
    return gemini_provider(**given)


def _faulty(server: LoopbackServer, *faults: str, **more: Any) -> None:
    server.set_script(Script(faults=[parse_fault(text) for text in faults], **more))


async def _failure(server: LoopbackServer, **more: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await _provider(server, **more).complete(REQUEST)
    return caught.value


async def _streamed(server: LoopbackServer) -> tuple[ChatAnswer, list[str]]:
    tokens: list[str] = []

    async def hear(token: str) -> None:
        tokens.append(token)

    return await _provider(server).complete(REQUEST, hear), tokens


def _tokens(text: str) -> int:
    return estimate_tokens([Message("assistant", text)], {})


async def test_the_wire_carries_the_question_and_nothing_else(server: LoopbackServer) -> None:
    await _provider(server).complete(REQUEST)
    [call] = server.calls
    assert call.body == {
        "systemInstruction": {"parts": [{"text": "너는 편집자다."}]},
        "contents": [{"role": "user", "parts": [{"text": "서식을 골라라."}]}],
        "safetySettings": [],
        "generationConfig": {
            "temperature": 0.0,
            "candidateCount": 1,
            "maxOutputTokens": 321,
            "responseMimeType": "application/json",
            "responseJsonSchema": {"title": "magazine_classify", **SCHEMA},
        },
    }
    assert call.agent == "magazine.classify"


async def test_the_conversation_keeps_its_roles(server: LoopbackServer) -> None:
    asked_again = (*REQUEST.messages, Message("assistant", "{"), Message("user", "다시 답하라."))
    await _provider(server).complete(replace(REQUEST, messages=asked_again))
    contents = server.calls[0].body["contents"]
    assert [one["role"] for one in contents] == ["user", "model", "user"]


async def test_the_temperature_is_the_pinned_one_or_the_model_s_own(
    server: LoopbackServer,
) -> None:
    provider = _provider(server)
    await provider.complete(replace(REQUEST, temperature=1.5))
    await provider.complete(replace(REQUEST, temperature=None))
    pinned, unpinned = (call.body["generationConfig"] for call in server.calls)
    assert pinned["temperature"] == 1.5
    assert "temperature" not in unpinned


async def test_without_a_schema_no_json_is_asked_for(server: LoopbackServer) -> None:
    await _provider(server).complete(replace(REQUEST, schema={}))
    assert server.calls[0].body["generationConfig"].keys() == {
        "temperature",
        "candidateCount",
        "maxOutputTokens",
    }


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (None, ("https://generativelanguage.googleapis.com", "v1beta")),
        ("http://127.0.0.1:9/", ("http://127.0.0.1:9", "v1beta")),
        ("https://proxy.example/gemini", ("https://proxy.example/gemini", "v1beta")),
        ("https://proxy.example/gemini/v1", ("https://proxy.example/gemini", "v1")),
        ("https://proxy.example/v1beta/", ("https://proxy.example", "v1beta")),
    ],
)
def test_a_base_url_may_name_the_version(base_url: str | None, expected: tuple[str, str]) -> None:
    assert endpoint(base_url) == expected


async def test_a_base_url_with_a_version_is_not_given_another(server: LoopbackServer) -> None:
    provider = _provider(server, base_url=f"{server.google_base_url}/v1")
    assert (await provider.complete(REQUEST)).text == TEXT


async def test_gives_text_reason_usage_and_version(server: LoopbackServer) -> None:
    answer = await _provider(server).complete(REQUEST)
    assert answer == ChatAnswer(
        text=TEXT,
        finish_reason="stop",
        input_tokens=estimate_tokens(REQUEST.messages, SCHEMA),
        output_tokens=_tokens(TEXT),
        model_version=f"{MODEL}@{server.calls[0].body_hash}",
    )


async def test_thinking_is_billed_as_output_and_left_out_of_the_answer(
    server: LoopbackServer,
) -> None:
    _faulty(server, "thinks@every:1")
    whole, (streamed, tokens) = await _provider(server).complete(REQUEST), await _streamed(server)
    assert whole.text == streamed.text == "".join(tokens) == TEXT
    assert whole.output_tokens == streamed.output_tokens == _tokens(TEXT) + _tokens(THOUGHTS)


@pytest.mark.parametrize("model", [MODEL, "gemini-3-flash"])
async def test_a_newer_model_s_blocks_are_read_as_text(server: LoopbackServer, model: str) -> None:
    _faulty(server, "thinks@every:1")
    tokens: list[str] = []

    async def hear(token: str) -> None:
        tokens.append(token)

    provider = _provider(server, model=model)
    assert (await provider.complete(REQUEST)).text == TEXT
    assert (await provider.complete(REQUEST, hear)).text == TEXT
    assert "".join(tokens) == TEXT


@pytest.mark.parametrize(
    ("fault", "reason"), [("truncated", "length"), ("continued", "length"), ("safety", "safety")]
)
async def test_an_answer_that_was_cut_keeps_text_and_usage(
    server: LoopbackServer, fault: str, reason: str
) -> None:
    _faulty(server, f"{fault}@every:1")
    cut, (streamed, _) = await _provider(server).complete(REQUEST), await _streamed(server)
    assert cut == streamed
    assert cut.finish_reason == reason
    assert cut.text
    assert TEXT.startswith(cut.text)
    assert cut.text != TEXT
    assert cut.output_tokens == _tokens(cut.text)
    assert not cut.usage_estimated
    assert len(server.calls) == 2


async def test_a_blocked_prompt_is_a_safety_stop_whose_prompt_counts(
    server: LoopbackServer,
) -> None:
    _faulty(server, "blocked@every:1")
    blocked, (streamed, tokens) = await _provider(server).complete(REQUEST), await _streamed(server)
    for answer in (blocked, streamed):
        assert (answer.text, answer.finish_reason) == ("", "safety")
        assert answer.input_tokens == estimate_tokens(REQUEST.messages, SCHEMA)
        assert (answer.output_tokens, answer.usage_estimated) == (0, False)
    assert tokens == []


async def test_missing_usage_is_estimated_and_marked(server: LoopbackServer) -> None:
    _faulty(server, "no_usage@every:1")
    answer = await _provider(server).complete(REQUEST)
    assert answer.usage_estimated
    assert answer.input_tokens > 0 < answer.output_tokens


async def test_an_answer_without_an_end_is_not_taken_for_whole(server: LoopbackServer) -> None:
    _faulty(server, "no_finish@every:1")
    assert (await _provider(server).complete(REQUEST)).finish_reason == "unknown"
    assert (await _streamed(server))[0].finish_reason == "unknown"


async def test_malformed_json_comes_back_as_it_is(server: LoopbackServer) -> None:
    _faulty(server, "malformed@every:1")
    answer = await _provider(server).complete(REQUEST)
    assert answer.finish_reason == "stop"
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


async def test_streams_with_usage(server: LoopbackServer) -> None:
    answer, tokens = await _streamed(server)
    assert answer == await _provider(server).complete(REQUEST)
    assert len(tokens) > 1
    assert "".join(tokens) == TEXT


async def test_a_stream_lost_midway_is_an_error(server: LoopbackServer) -> None:
    _faulty(server, "drop_midway@every:1")
    with pytest.raises(ProviderError) as caught:
        await _streamed(server)
    assert (caught.value.retryable, caught.value.maybe_billed) == (True, True)
    assert len(server.calls) == 1


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (408, True),
        (429, True),
        (500, True),
        (502, True),
        (503, True),
        (504, True),
        (400, False),
        (403, False),
        (404, False),
        (422, False),
    ],
)
async def test_an_http_error_is_one_request_and_says_whether_to_retry(
    server: LoopbackServer, status: int, retryable: bool, streamed: bool
) -> None:
    _faulty(server, f"{status}@every:1", retry_after_s=1.5)
    with pytest.raises(ProviderError) as caught:
        await (_streamed(server) if streamed else _provider(server).complete(REQUEST))
    failure = caught.value
    assert len(server.calls) == 1
    assert server.stats()["paid"] == 0
    assert (failure.status, failure.retryable, failure.maybe_billed) == (status, retryable, False)
    assert failure.retry_after_s == (1.5 if status in (429, 503) else None)


@pytest.mark.parametrize("fault", ["drop", "drop_midway"])
async def test_a_lost_connection_is_one_request_that_may_be_billed(
    server: LoopbackServer, fault: str
) -> None:
    _faulty(server, f"{fault}@every:1")
    failure = await _failure(server)
    assert len(server.calls) == 1
    assert (failure.retryable, failure.maybe_billed) == (True, True)


async def test_a_time_out_is_one_request_that_may_be_billed(server: LoopbackServer) -> None:
    _faulty(server, "hang@every:1")
    provider = _provider(server, timeout_s=0.3)
    # The first call loads the client, which is no part of the time it may take.
    with pytest.raises(ProviderError) as caught:
        await provider.complete(REQUEST)
    assert len(server.calls) == 1
    assert (caught.value.retryable, caught.value.maybe_billed) == (True, True)


async def test_a_refused_connection_cost_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{free.getsockname()[1]}"
    provider = gemini_provider(model=MODEL, api_key=KEY, base_url=base_url, timeout_s=2)
    with pytest.raises(ProviderError) as caught:
        await provider.complete(REQUEST)
    assert (caught.value.retryable, caught.value.maybe_billed) == (True, False)


async def test_a_page_instead_of_an_answer_points_at_the_base_url(server: LoopbackServer) -> None:
    _faulty(server, "not_json@every:1")
    failure = await _failure(server)
    assert (failure.retryable, failure.maybe_billed) == (False, True)
    assert "base URL" in str(failure)


async def test_a_wrong_key_is_refused_and_never_repeated(server: LoopbackServer) -> None:
    wrong = "my-own-very-secret-key"
    provider = _provider(server, api_key=wrong)
    with pytest.raises(ProviderError) as caught:
        await provider.complete(REQUEST)
    assert (caught.value.status, caught.value.retryable) == (401, False)
    assert wrong not in "".join(traceback.format_exception(caught.value))
    [client] = vars(provider)["_clients"].values()
    assert wrong not in repr(vars(client)["_model"])


async def test_the_environment_s_backends_and_urls_change_nothing(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "GOOGLE_API_KEY": "another",
        "GEMINI_API_KEY": "a third",
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
        "GOOGLE_GENAI_USE_ENTERPRISE": "true",
        "GOOGLE_CLOUD_PROJECT": "somebody-s-project",
        "GOOGLE_CLOUD_LOCATION": "us-central1",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9",
        "LANGSMITH_GATEWAY": "http://127.0.0.1:9",
        "LANGSMITH_GATEWAY_API_KEY": "a fourth",
    }.items():
        monkeypatch.setenv(name, value)
    assert (await _provider(server).complete(REQUEST)).text == TEXT
    assert server.stats()["paid"] == 1


def test_one_provider_serves_one_event_loop_after_the_other(server: LoopbackServer) -> None:
    provider = _provider(server)
    for _ in range(3):
        assert asyncio.run(provider.complete(REQUEST)).text == TEXT
    assert len(server.calls) == 3


async def test_sixteen_calls_at_once_are_sixteen_requests(server: LoopbackServer) -> None:
    server.set_script(Script(latency_ms=100))
    provider = _provider(server)
    loop = asyncio.get_running_loop()
    await provider.complete(REQUEST)
    started = loop.time()
    answers = await asyncio.gather(*(provider.complete(REQUEST) for _ in range(16)))
    assert {answer.text for answer in answers} == {TEXT}
    assert len(server.calls) == 17
    assert loop.time() - started < 16 * 0.1


async def test_cancelling_ends_the_call_at_once(server: LoopbackServer) -> None:
    provider = _provider(server)
    await provider.complete(REQUEST)
    _faulty(server, "hang@every:1")
    task = asyncio.create_task(provider.complete(REQUEST))
    await asyncio.sleep(0.3)
    assert len(server.calls) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_missing_extra_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"fabula\[gemini\]"):
        gemini_provider(model="m", api_key=KEY, base_url=None, timeout_s=1)
