"""OpenAI's chat completions as they go over the wire, seen from the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fabula.documents import content_hash
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.provider import ChatRequest, Message
from fabula.testing.answers import agent_of

STREAMED_CHARACTERS = 32
DEFAULT_OUTPUT_TOKENS = 4096
_CREATED = 1_700_000_000
"""A fixed second: the same question gets the same bytes."""
_HOW = ("stream", "stream_options")
_FINISH = {"safety": "content_filter", "continued": "length"}


class BadBodyError(ValueError):
    """A request body that is no chat completion; the message names the field."""


@dataclass(frozen=True)
class Reply:
    """What the server says: text or refusal, why it ended, and whether it tells the usage.

    `finish_reason` is `stop`, `length`, `safety`, `continued` (there is more to fetch) or empty;
    `thoughts` are billed and not part of the answer; `blocked`: the prompt was not answered at all.
    """

    text: str
    finish_reason: str = "stop"
    refusal: bool = False
    tells_usage: bool = True
    thoughts: str = ""
    blocked: bool = False


def body_hash(body: Mapping[str, Any]) -> str:
    """Name a question by what it asks; streamed or not makes no difference."""
    return content_hash({key: value for key, value in body.items() if key not in _HOW})


def read_request(body: Mapping[str, Any]) -> ChatRequest:
    """Read a body as the request behind it; raises BadBodyError where OpenAI would refuse."""
    model, said = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not model:
        raise BadBodyError("model: a name is needed")
    if not isinstance(said, list) or not said:
        raise BadBodyError("messages: at least one message is needed")
    name, schema = _schema(body)
    limit = body.get("max_completion_tokens", body.get("max_tokens", DEFAULT_OUTPUT_TOKENS))
    return ChatRequest(
        agent=agent_of(name),
        item="",
        attempt=0,
        model=model,
        messages=tuple(_message(number, one) for number, one in enumerate(said)),
        schema=schema,
        schema_name=name,
        seed=int(body_hash(body)[:8], 16),
        max_output_tokens=int(limit),
        temperature=body.get("temperature"),
    )


def _message(number: int, one: Any) -> Message:
    role = one.get("role") if isinstance(one, dict) else None
    content = one.get("content") if isinstance(one, dict) else None
    if role not in ("system", "user", "assistant") or not isinstance(content, str):
        raise BadBodyError(f"messages[{number}]: a role and a text content are needed")
    return Message(role, content)


def _schema(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    wanted = body.get("response_format")
    if wanted is None:
        return "", {}
    inner = wanted.get("json_schema") if isinstance(wanted, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("schema"), dict):
        raise BadBodyError("response_format: a json_schema with name and schema is needed")
    if inner.get("strict"):
        _check_strict(inner["schema"], "schema")
    return str(inner.get("name", "")), inner["schema"]


def _check_strict(part: Any, where: str) -> None:
    """Refuse what OpenAI's strict mode refuses: open objects, optional properties."""
    if isinstance(part, list):
        for number, one in enumerate(part):
            _check_strict(one, f"{where}[{number}]")
    if not isinstance(part, dict):
        return
    if part.get("type") == "object":
        properties = part.get("properties", {})
        if part.get("additionalProperties") is not False:
            raise BadBodyError(f"{where}: 'additionalProperties' is required to be false")
        if missing := sorted(set(properties) - set(part.get("required", ()))):
            raise BadBodyError(f"{where}: 'required' must list `{missing[0]}`")
    for key, one in part.items():
        _check_strict(one, f"{where}.{key}")


def completion(request: ChatRequest, reply: Reply, *, model: str, id: str) -> dict[str, Any]:  # noqa: A002 - the wire's word
    """Write the whole answer."""
    message = {
        "role": "assistant",
        "content": None if reply.refusal else reply.text,
        "refusal": reply.text if reply.refusal else None,
    }
    if reply.thoughts:
        message["reasoning_content"] = reply.thoughts
    choice = {"index": 0, "message": message, "finish_reason": _finish(reply)}
    whole = _envelope("chat.completion", model, id) | {"choices": [choice]}
    return whole | {"usage": usage(request, reply)} if reply.tells_usage else whole


def chunks(
    request: ChatRequest,
    reply: Reply,
    *,
    model: str,
    id: str,  # noqa: A002 - the wire's word
    with_usage: bool,
) -> Iterator[dict[str, Any]]:
    """Write the answer as a stream's chunks; usage comes last, and only when asked for."""
    envelope = _envelope("chat.completion.chunk", model, id)
    field = "refusal" if reply.refusal else "content"
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if reply.thoughts:
        deltas.append({"reasoning_content": reply.thoughts})
    for start in range(0, len(reply.text), STREAMED_CHARACTERS):
        deltas.append({field: reply.text[start : start + STREAMED_CHARACTERS]})
    for delta in deltas:
        yield envelope | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    end = {"index": 0, "delta": {}, "finish_reason": _finish(reply)}
    yield envelope | {"choices": [end]}
    if with_usage and reply.tells_usage:
        yield envelope | {"choices": [], "usage": usage(request, reply)}


def error(status: int, message: str, *, code: str | None = None) -> dict[str, Any]:
    """Write an error's body as OpenAI does."""
    kind = "invalid_request_error" if status < 429 else "server_error"  # noqa: PLR2004
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def usage(request: ChatRequest, reply: Reply) -> dict[str, Any]:
    """Count tokens by characters: the same question costs the same."""
    asked = estimate_tokens(request.messages, request.schema)
    told = estimate_tokens([Message("assistant", reply.text)], {})
    if not reply.thoughts:
        return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}
    thought = estimate_tokens([Message("assistant", reply.thoughts)], {})
    return {
        "prompt_tokens": asked,
        "completion_tokens": told + thought,
        "total_tokens": asked + told + thought,
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _finish(reply: Reply) -> str:
    return _FINISH.get(reply.finish_reason, reply.finish_reason)


def _envelope(kind: str, model: str, id: str) -> dict[str, Any]:  # noqa: A002
    return {"id": id, "object": kind, "created": _CREATED, "model": model}
