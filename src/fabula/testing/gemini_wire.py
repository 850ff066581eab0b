"""Google's generateContent as it goes over the wire, seen from the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fabula.documents import content_hash
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.provider import ChatRequest, Message, Role
from fabula.testing.answers import agent_of
from fabula.testing.wire import (
    DEFAULT_OUTPUT_TOKENS,
    STREAMED_CHARACTERS,
    BadBodyError,
    Reply,
)

_KNOWN = {"contents", "systemInstruction", "generationConfig", "safetySettings"}
_ROLES: Mapping[str, Role] = {"user": "user", "model": "assistant"}
_FINISH = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "safety": "SAFETY",
    "continued": "CONTINUATION",
}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_REFUSED = "SAFETY"


def body_hash(model: str, body: Mapping[str, Any]) -> str:
    """Name a question by what it asks: the model stands in the path."""
    return content_hash({"model": model, **body})


def read_request(model: str, body: Mapping[str, Any]) -> ChatRequest:
    """Read a body as the request behind it; raises BadBodyError where Google would refuse.

    The agent is found by the schema's title: Google's format names a schema nowhere else.
    """
    if unknown := sorted(set(body) - _KNOWN):
        raise BadBodyError(f'Invalid JSON payload received. Unknown name "{unknown[0]}"')
    said = body.get("contents")
    if not isinstance(said, list) or not said:
        raise BadBodyError("contents: at least one content is needed")
    config = body.get("generationConfig") or {}
    name, schema = _schema(config)
    messages = [_content(one, f"contents[{number}]") for number, one in enumerate(said)]
    if "systemInstruction" in body:
        system = _parts(body["systemInstruction"], "systemInstruction")
        messages.insert(0, Message("system", system))
    return ChatRequest(
        agent=agent_of(name),
        item="",
        attempt=0,
        model=model,
        messages=tuple(messages),
        schema=schema,
        schema_name=name,
        seed=int(body_hash(model, body)[:8], 16),
        max_output_tokens=int(config.get("maxOutputTokens", DEFAULT_OUTPUT_TOKENS)),
        temperature=config.get("temperature"),
    )


def response(request: ChatRequest, reply: Reply, *, version: str, id: str) -> dict[str, Any]:  # noqa: A002 - the wire's word
    """Write the whole answer."""
    whole: dict[str, Any] = {"modelVersion": version, "responseId": id}
    if reply.blocked:
        whole["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
    else:
        parts = [{"text": reply.text}] if reply.text else []
        if reply.thoughts:
            parts.insert(0, _thought(reply))
        whole["candidates"] = [_candidate(parts, reply, ends=True)]
    return whole | _usage(request, reply, told=reply.text)


def chunks(
    request: ChatRequest,
    reply: Reply,
    *,
    version: str,
    id: str,  # noqa: A002 - the wire's word
) -> Iterator[dict[str, Any]]:
    """Write the answer as a stream's chunks; each tells the usage up to it."""
    envelope = {"modelVersion": version, "responseId": id}
    if reply.blocked:
        yield response(request, reply, version=version, id=id)
        return
    if reply.thoughts:
        candidate = _candidate([_thought(reply)], reply, ends=False)
        yield envelope | {"candidates": [candidate]} | _usage(request, reply, told="")
    last = max(0, (len(reply.text) - 1) // STREAMED_CHARACTERS)
    for number in range(last + 1):
        start, end = number * STREAMED_CHARACTERS, (number + 1) * STREAMED_CHARACTERS
        parts = [{"text": reply.text[start:end]}]
        candidate = _candidate(parts, reply, ends=number == last)
        usage = _usage(request, reply, told=reply.text[:end])
        yield envelope | {"candidates": [candidate]} | usage


def error(status: int, message: str, *, retry_after_s: float | None = None) -> dict[str, Any]:
    """Write an error's body as Google does: when to come again stands in its details."""
    told: dict[str, Any] = {
        "code": status,
        "message": message,
        "status": _STATUS.get(status, "UNKNOWN"),
    }
    if retry_after_s is not None:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        told["details"] = [{"@type": kind, "retryDelay": f"{retry_after_s:g}s"}]
    return {"error": told}


def _candidate(parts: list[dict[str, Any]], reply: Reply, *, ends: bool) -> dict[str, Any]:
    reason = _REFUSED if reply.refusal else _FINISH.get(reply.finish_reason)
    candidate: dict[str, Any] = {"index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": parts}
    if ends and reason:
        candidate["finishReason"] = reason
    if ends and reason == "CONTINUATION":
        candidate["continuationToken"] = "dG9rZW4="
    return candidate


def _thought(reply: Reply) -> dict[str, Any]:
    return {"text": reply.thoughts, "thought": True}


def _usage(request: ChatRequest, reply: Reply, *, told: str) -> dict[str, Any]:
    if not reply.tells_usage:
        return {}
    asked = estimate_tokens(request.messages, request.schema)
    counts = {"promptTokenCount": asked}
    if told and not reply.blocked:
        counts["candidatesTokenCount"] = estimate_tokens([Message("assistant", told)], {})
    if reply.thoughts:
        counts["thoughtsTokenCount"] = estimate_tokens([Message("assistant", reply.thoughts)], {})
    return {"usageMetadata": counts | {"totalTokenCount": sum(counts.values())}}


def _schema(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    schema = config.get("responseJsonSchema")
    if schema is None:
        return "", {}
    if config.get("responseMimeType") != "application/json":
        raise BadBodyError("generationConfig.response_mime_type: application/json is needed")
    if not isinstance(schema, dict):
        raise BadBodyError("generationConfig.response_json_schema: a schema is needed")
    named = dict(schema)
    return str(named.pop("title", "")), named


def _content(one: Any, where: str) -> Message:
    role = str(one.get("role")) if isinstance(one, dict) else ""
    if role not in _ROLES:
        raise BadBodyError(f"{where}.role: valid roles are user and model")
    return Message(_ROLES[role], _parts(one, where))


def _parts(one: Any, where: str) -> str:
    parts = one.get("parts") if isinstance(one, dict) else None
    given = parts if isinstance(parts, list) else []
    texts = [str(part["text"]) for part in given if isinstance(part, dict) and "text" in part]
    if not texts or len(texts) != len(given):
        raise BadBodyError(f"{where}.parts: at least one text, and nothing but text, is needed")
    return "".join(texts)
