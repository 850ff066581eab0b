from typing import Any

import pytest

from fabula.testing import gemini_wire
from fabula.testing.wire import BadBodyError, Reply

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}


def _body(**more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "물음"}]}], **more}


def _config(schema: Any = SCHEMA, mime: str = "application/json") -> dict[str, Any]:
    return {"generationConfig": {"responseMimeType": mime, "responseJsonSchema": schema}}


def test_reads_the_request_behind_a_body() -> None:
    config = {"maxOutputTokens": 9, "temperature": 0.5}
    system = {"parts": [{"text": "규"}, {"text": "칙"}]}
    body = _body(generationConfig=config, systemInstruction=system)
    request = gemini_wire.read_request("gemini-2.5-pro", body)
    assert (request.model, request.max_output_tokens, request.temperature) == (
        "gemini-2.5-pro",
        9,
        0.5,
    )
    assert [tuple(message) for message in request.messages] == [
        ("system", "규칙"),
        ("user", "물음"),
    ]


def test_the_schema_s_title_leads_to_the_agent_and_is_no_part_of_the_schema() -> None:
    body = _body(**_config({"title": "magazine_write_intro", **SCHEMA}))
    request = gemini_wire.read_request("m", body)
    assert (request.agent, request.schema) == ("magazine.write_intro", SCHEMA)


def test_the_hash_names_model_and_question() -> None:
    names = {
        gemini_wire.body_hash("m", _body()),
        gemini_wire.body_hash("n", _body()),
        gemini_wire.body_hash("m", _body(**_config())),
    }
    assert len(names) == 3
    assert gemini_wire.body_hash("m", _body()) in names


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contents": []}, "contents"),
        (_body(messages=[]), "messages"),
        ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, r"contents\[0\]\.role"),
        ({"contents": [{"role": "user", "parts": []}]}, r"contents\[0\]\.parts"),
        ({"contents": [{"role": "user", "parts": [{"inlineData": {}}]}]}, r"contents\[0\]\.parts"),
        (_body(systemInstruction="규칙"), r"systemInstruction\.parts"),
        (_body(**_config(mime="text/plain")), "response_mime_type"),
        (_body(**_config(schema=[])), "response_json_schema"),
    ],
)
def test_refuses_what_google_refuses(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadBodyError, match=field):
        gemini_wire.read_request("m", body)


def test_a_stream_tells_the_usage_so_far_and_ends_as_the_whole_answer_does() -> None:
    request = gemini_wire.read_request("m", _body())
    reply = Reply("가" * 100, thoughts="생각")
    whole = gemini_wire.response(request, reply, version="m", id="i")
    chunks = list(gemini_wire.chunks(request, reply, version="m", id="i"))
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    assert "".join(part["text"] for part in parts if not part.get("thought")) == reply.text
    totals = [chunk["usageMetadata"]["totalTokenCount"] for chunk in chunks]
    assert totals == sorted(totals)
    assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]
    ends = [chunk["candidates"][0].get("finishReason") for chunk in chunks]
    assert ends == [None] * (len(chunks) - 1) + ["STOP"]


def test_an_error_says_in_its_body_when_to_come_again() -> None:
    error = gemini_wire.error(429, "slow down", retry_after_s=34.5)["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    assert error["details"][0]["retryDelay"] == "34.5s"
