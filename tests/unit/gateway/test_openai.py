import asyncio
import json
import socket
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fabula.errors import MissingExtra
from fabula.gateway import openai as adapter
from fabula.gateway.openai import openai_provider
from fabula.gateway.provider import ChatAnswer, ChatProvider, ChatRequest, Message, ProviderError
from fabula.testing.faults import Script, parse_fault
from fabula.testing.loopback import LoopbackServer

KEY = "-".join(("sk", "loopback", "0123456789"))
ANSWER = {"template_id": "editorial-deep", "reason": "깊이 있는 글입니다."}
TEXT = json.dumps(ANSWER, ensure_ascii=False)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["template_id", "reason"],
    "properties": {
        "template_id": {"type": "string", "enum": ["editorial-deep", "shopping-guide"]},
        "reason": {"type": "string"},
    },
}
REQUEST = ChatRequest(
    agent="magazine.classify",
    item="classify",
    attempt=0,
    model="local-model",
    messages=(Message("system", "너는 편집자다."), Message("user", "서식을 골라라.")),
    schema=SCHEMA,
    schema_name="magazine_classify",
    seed=1,
    max_output_tokens=321,
    temperature=None,
)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(api_key=KEY, answer=lambda _: ANSWER) as running:
        yield running


def _provider(server: LoopbackServer, **more: Any) -> ChatProvider:
    given = {"api_key": KEY, "timeout_s": 5.0, **more}
    return openai_provider(model="local-model", base_url=server.base_url, **given)


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


async def test_the_wire_carries_the_question_and_nothing_else(server: LoopbackServer) -> None:
    await _provider(server).complete(REQUEST)
    [call] = server.calls
    assert call.body == {
        "model": "local-model",
        "messages": [
            {"role": "system", "content": "너는 편집자다."},
            {"role": "user", "content": "서식을 골라라."},
        ],
        "max_tokens": 321,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "magazine_classify", "schema": SCHEMA, "strict": True},
        },
        "stream": False,
    }


async def test_temperature_goes_out_only_when_given(server: LoopbackServer) -> None:
    await _provider(server).complete(replace(REQUEST, temperature=0.0))
    assert server.calls[0].body["temperature"] == 0.0


async def test_without_a_schema_no_response_format_is_asked_for(server: LoopbackServer) -> None:
    await _provider(server).complete(replace(REQUEST, schema={}))
    assert "response_format" not in server.calls[0].body


@pytest.mark.parametrize(
    ("base_url", "field"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://me.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("http://127.0.0.1:8000/v1", "max_tokens"),
        ("https://notopenai.com/v1", "max_tokens"),
    ],
)
def test_the_limit_of_the_output_has_the_name_that_the_host_knows(
    base_url: str, field: str
) -> None:
    assert adapter._output_limit(base_url) == field


async def test_the_name_of_the_limit_can_be_chosen(server: LoopbackServer) -> None:
    await _provider(server, output_limit="max_completion_tokens").complete(REQUEST)
    assert server.calls[0].body["max_completion_tokens"] == 321
    assert "max_tokens" not in server.calls[0].body


async def test_gives_text_reason_usage_and_version(server: LoopbackServer) -> None:
    answer = await _provider(server).complete(REQUEST)
    assert (answer.text, answer.finish_reason) == (TEXT, "stop")
    assert answer.input_tokens > 0 < answer.output_tokens
    assert not answer.usage_estimated
    assert answer.model_version == f"local-model@{server.calls[0].body_hash}"


async def test_a_truncated_answer_keeps_text_and_usage(server: LoopbackServer) -> None:
    whole = await _provider(server).complete(REQUEST)
    _faulty(server, "truncated@every:1")
    cut = await _provider(server).complete(REQUEST)
    assert cut.finish_reason == "length"
    assert cut.text
    assert TEXT.startswith(cut.text)
    assert cut.input_tokens == whole.input_tokens
    assert 0 < cut.output_tokens < whole.output_tokens


async def test_malformed_json_comes_back_as_it_is(server: LoopbackServer) -> None:
    _faulty(server, "malformed@every:1")
    answer = await _provider(server).complete(REQUEST)
    assert answer.finish_reason == "stop"
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


async def test_a_refusal_comes_back_with_its_text(server: LoopbackServer) -> None:
    _faulty(server, "refusal@every:1")
    answer = await _provider(server).complete(REQUEST)
    assert (answer.finish_reason, answer.text) == ("refusal", "요청을 도와드릴 수 없습니다.")


async def test_missing_usage_is_estimated_and_marked(server: LoopbackServer) -> None:
    _faulty(server, "no_usage@every:1")
    answer = await _provider(server).complete(REQUEST)
    assert answer.usage_estimated
    assert answer.input_tokens > 0 < answer.output_tokens


async def test_streams_with_usage(server: LoopbackServer) -> None:
    answer, tokens = await _streamed(server)
    plain = await _provider(server).complete(REQUEST)
    assert answer == plain
    assert len(tokens) > 1
    assert "".join(tokens) == TEXT
    assert server.calls[0].body["stream_options"] == {"include_usage": True}


async def test_a_streamed_refusal_is_not_lost(server: LoopbackServer) -> None:
    _faulty(server, "refusal@every:1")
    answer, _ = await _streamed(server)
    assert (answer.finish_reason, answer.text) == ("refusal", "요청을 도와드릴 수 없습니다.")


async def test_a_streamed_cut_answer_keeps_text_and_usage(server: LoopbackServer) -> None:
    _faulty(server, "truncated@every:1")
    answer, _ = await _streamed(server)
    assert answer.finish_reason == "length"
    assert answer.text
    assert not answer.usage_estimated


async def test_a_stream_lost_midway_is_an_error(server: LoopbackServer) -> None:
    _faulty(server, "drop_midway@every:1")
    with pytest.raises(ProviderError) as caught:
        await _streamed(server)
    assert (caught.value.retryable, caught.value.maybe_billed) == (True, True)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("fault", "status", "retryable"),
    [
        ("429", 429, True),
        ("quota", 429, False),
        ("500", 500, True),
        ("503", 503, True),
        ("408", 408, True),
        ("409", 409, True),
        ("400", 400, False),
        ("403", 403, False),
        ("404", 404, False),
        ("422", 422, False),
    ],
)
async def test_an_http_error_is_one_request_and_says_whether_to_retry(
    server: LoopbackServer, fault: str, status: int, retryable: bool
) -> None:
    _faulty(server, f"{fault}@every:1", retry_after_s=1.5)
    failure = await _failure(server)
    assert len(server.calls) == 1
    assert (failure.status, failure.retryable, failure.maybe_billed) == (status, retryable, False)
    assert failure.retry_after_s == (1.5 if fault in ("429", "503") else None)


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
    failure = await _failure(server, timeout_s=0.3)
    assert len(server.calls) == 1
    assert (failure.retryable, failure.maybe_billed) == (True, True)


async def test_a_refused_connection_cost_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    provider = openai_provider(model="m", api_key=KEY, base_url=base_url, timeout_s=2)
    with pytest.raises(ProviderError) as caught:
        await provider.complete(REQUEST)
    assert (caught.value.retryable, caught.value.maybe_billed) == (True, False)


async def test_a_page_instead_of_an_answer_points_at_the_base_url(server: LoopbackServer) -> None:
    _faulty(server, "not_json@every:1")
    failure = await _failure(server)
    assert (failure.retryable, failure.maybe_billed) == (False, True)
    assert "base URL" in str(failure)


async def test_a_schema_that_strict_mode_refuses_is_not_retried(server: LoopbackServer) -> None:
    loose = {**SCHEMA, "required": ["reason"]}
    with pytest.raises(ProviderError, match="template_id") as caught:
        await _provider(server).complete(replace(REQUEST, schema=loose))
    assert (caught.value.status, caught.value.retryable) == (400, False)


async def test_a_wrong_key_is_refused_and_never_repeated(server: LoopbackServer) -> None:
    wrong = "my own very secret key"
    failure = await _failure(server, api_key=wrong)
    assert (failure.status, failure.retryable) == (401, False)
    assert wrong not in "".join(traceback.format_exception(failure))
    assert KEY not in repr(vars(_provider(server)).get("_clients"))


async def test_the_environment_s_retries_and_urls_change_nothing(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    monkeypatch.setenv("OPENAI_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_MAX_RETRIES", "5")
    assert (await _provider(server).complete(REQUEST)).text == TEXT
    assert openai_provider(model="m", api_key=KEY, base_url=None, timeout_s=1) is not None
    assert adapter.OPENAI_BASE_URL == "https://api.openai.com/v1"


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
    _faulty(server, "hang@every:1")
    task = asyncio.create_task(_provider(server).complete(REQUEST))
    await asyncio.sleep(0.3)
    assert len(server.calls) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_missing_extra_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"fabula\[openai\]"):
        openai_provider(model="m", api_key=KEY, base_url=None, timeout_s=1)
