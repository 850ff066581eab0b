from typing import Any

import pytest

from fabula.testing import wire

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["a"],
    "properties": {"a": {"type": "string"}},
}


def _body(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "물음"}], **more}


def _format(schema: dict[str, Any], name: str = "some_agent") -> dict[str, Any]:
    inner = {"name": name, "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": inner}}


def test_the_hash_names_the_question_and_not_how_it_is_delivered() -> None:
    streamed = _body(stream=True, stream_options={"include_usage": True})
    assert wire.body_hash(_body(stream=False)) == wire.body_hash(streamed)
    assert wire.body_hash(_body()) != wire.body_hash(_body(temperature=1))


def test_reads_the_request_behind_a_body() -> None:
    request = wire.read_request(_body(max_completion_tokens=9, temperature=0.5, **_format(SCHEMA)))
    assert (request.model, request.max_output_tokens, request.temperature) == ("m", 9, 0.5)
    assert (request.schema, request.schema_name) == (SCHEMA, "some_agent")
    assert [tuple(message) for message in request.messages] == [("user", "물음")]


def test_the_schema_s_name_leads_to_the_agent() -> None:
    request = wire.read_request(_body(**_format(SCHEMA, "magazine_write_intro")))
    assert request.agent == "magazine.write_intro"
    assert wire.read_request(_body(**_format(SCHEMA))).agent == "some_agent"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": [{"role": "user", "content": "x"}]}, "model"),
        (_body(messages=[]), "messages"),
        (_body(messages=[{"role": "robot", "content": "x"}]), r"messages\[0\]"),
        (_body(messages=[{"role": "user", "content": None}]), r"messages\[0\]"),
        (_body(response_format={"type": "json_object"}), "response_format"),
        (_body(**_format({**SCHEMA, "required": []})), "'required' must list `a`"),
        (_body(**_format({**SCHEMA, "additionalProperties": True})), "additionalProperties"),
        (
            _body(**_format({**SCHEMA, "$defs": {"In": {"type": "object"}}})),
            r"schema\.\$defs\.In: 'additionalProperties'",
        ),
    ],
)
def test_refuses_what_openai_refuses(body: dict[str, Any], field: str) -> None:
    with pytest.raises(wire.BadBodyError, match=field):
        wire.read_request(body)


def test_usage_comes_last_in_a_stream_and_only_when_asked_for() -> None:
    request, reply = wire.read_request(_body()), wire.Reply("가" * 100)
    told = list(wire.chunks(request, reply, model="m", id="i", with_usage=True))
    silent = list(wire.chunks(request, reply, model="m", id="i", with_usage=False))
    assert told[:-1] == silent
    assert told[-1]["usage"] == wire.usage(request, reply)
    said = [chunk["choices"][0]["delta"].get("content", "") for chunk in silent]
    assert "".join(said) == reply.text
