"""A process of its own that asks a model through the gateway, many calls at once.

Usage: asking.py '{"base_url": …, "redis_url": …, "rpm": …, "name": …, "tasks": …, "calls": …}'
Prints how many calls were answered and which failed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx

from fabula.errors import Stop
from fabula.gateway.failures import as_provider_error
from fabula.gateway.faults import no_hook
from fabula.gateway.limiting import provider_limits
from fabula.gateway.limits import Limit, Limits
from fabula.gateway.models import Model
from fabula.gateway.payment import Payments, Transport
from fabula.gateway.prices import Price
from fabula.gateway.provider import ChatAnswer, ChatRequest, Message, OnToken
from fabula.store.ledger import Answered, Question

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
}
MODEL = Model("openai", "m", Price(input=1, output=1), None, 100, 30.0)


class Plain:
    """OpenAI's format by hand: a vendor's client takes longer to load than these calls take."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def complete(self, request: ChatRequest, on_token: OnToken | None = None) -> ChatAnswer:
        schema = {"name": request.schema_name, "schema": request.schema, "strict": True}
        body = {
            "model": request.model,
            "messages": [message._asdict() for message in request.messages],
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        try:
            answer = await self._client.post("chat/completions", json=body)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise as_provider_error(error) from None
        return ChatAnswer(answer.text, "stop", 10, 10, "m-1")


class Kept:
    """The ledger, as far as payments need one."""

    def __init__(self) -> None:
        self.answers: dict[str, Answered] = {}

    async def claim(self, question: Question, *, allowance: int) -> str:
        return question.key

    async def release(self, claim: str) -> None: ...

    async def doubt(self, claim: str) -> None: ...

    async def record(self, claim: str, answered: Answered) -> None:
        self.answers[claim] = answered


async def main(given: dict[str, Any]) -> dict[str, Any]:
    limits = Limits({"openai:m": Limit(rpm=given["rpm"])})
    ledger: Any = Kept()
    failed: list[str] = []
    async with (
        httpx.AsyncClient(base_url=given["base_url"], timeout=30, trust_env=False) as client,
        provider_limits(limits, given["redis_url"]) as limiter,
    ):
        provider = Plain(client)
        payments = Payments(
            ledger,
            transport=Transport(5, 0.5),
            allowance=4,
            hook=no_hook,
            on_answer=lambda _: None,
            limiter=limiter,
        )

        async def ask(task: int) -> None:
            for call in range(given["calls"]):
                key = f"{given['name']}/{task}/{call}"
                question = Question(key, "a", key, 0, 0, "openai", "m", 50, 100, 1.0, 1.0)
                words = (Message("user", key),)
                request = ChatRequest("a", key, 0, "m", words, SCHEMA, "a", 0, 100, None)
                try:
                    await payments.pay(question, request, MODEL, provider, None)
                except Stop as stop:
                    failed.append(str(stop))

        async with asyncio.TaskGroup() as group:
            for task in range(given["tasks"]):
                group.create_task(ask(task))
    return {"answered": len(ledger.answers), "failed": failed}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
