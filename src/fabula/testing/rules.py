"""The scripted model's rules: which question gets which answer or fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

from langchain_core.exceptions import ModelError

from fabula.gateway.provider import ChatRequest


@dataclass(frozen=True)
class Fails:
    """The provider answers with an HTTP error; `code` is its own word, `insufficient_quota`."""

    status: int
    retry_after_s: float | None = None
    message: str = "scripted failure"
    code: str | None = None


@dataclass(frozen=True)
class Unreachable:
    """No connection, or one lost after the question was `sent`."""

    sent: bool = False


@dataclass(frozen=True)
class TimesOut:
    """The client gives up after so many seconds; the question may have been worked on."""

    after_s: float = 0.0


@dataclass(frozen=True)
class Truncated:
    """The answer is cut after a share of it, with the finish reason `length`."""

    answer: object = None
    share: float = 0.6


@dataclass(frozen=True)
class Malformed:
    """The answer is no JSON, though the model says that it is done."""

    answer: object = None


@dataclass(frozen=True)
class WrongIds:
    """The answer cites ids that were never offered."""

    answer: object = None


@dataclass(frozen=True)
class CallsTool:
    """The model calls a tool in place of answering: what a chat agent's turn may be."""

    name: str
    args: Mapping[str, Any]


Fault = Fails | Unreachable | TimesOut | Truncated | Malformed | WrongIds


@dataclass(frozen=True, kw_only=True)
class When:
    """One rule: which questions it meets and what they get.

    `agent` and `item` are names or patterns (`magazine.write_*`); `attempt` None is any; after
    `times` questions the rule is spent and the next ones see the rules below it. `reply` is a
    JSON value, a raw text, a pydantic model, a function of the request that gives one of these,
    a fault, a tool's call, or None for the default answer. `usage` is (input, output) tokens.
    """

    agent: str = "*"
    item: str = "*"
    attempt: int | None = None
    times: int | None = None
    latency_s: float = 0.0
    reply: object = None
    finish_reason: str = "stop"
    usage: tuple[int, int] | None = None

    def meets(self, request: ChatRequest) -> bool:
        return (
            fnmatchcase(request.agent, self.agent)
            and fnmatchcase(request.item, self.item)
            and self.attempt in (None, request.attempt)
        )


class ScriptedError(ModelError):
    """An HTTP error as an SDK raises it: status, headers, body."""

    def __init__(self, fault: Fails) -> None:
        super().__init__(f"{fault.status}: {fault.message}")
        wish = fault.retry_after_s
        headers = {} if wish is None else {"retry-after": f"{wish:g}"}
        self.status_code = fault.status
        self.response = SimpleNamespace(status_code=fault.status, headers=headers)
        self.body = {"error": {"message": fault.message, "code": fault.code}}
