"""The gateway: the only way from a graph to a model, bound to one run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fabula.documents import Aliases, content_hash
from fabula.errors import Blocked, ProviderDown, Rejected
from fabula.gateway import prompts
from fabula.gateway.agent import Agent, T
from fabula.gateway.models import Model, Models
from fabula.gateway.payment import Payments
from fabula.gateway.prices import estimate_tokens
from fabula.gateway.provider import ChatProvider, ChatRequest, Message
from fabula.gateway.structured import BadAnswer, BlockedAnswer, Bounds, narrow, parse
from fabula.store.ledger import AllowanceSpent, Answered, Ledger, Question

MAX_QUOTED = 4000
Switched = Callable[[str, str, str, str], None]


@dataclass(frozen=True)
class Scope:
    """The run that a gateway serves.

    `fingerprint` is what the offline model's seed is made of: the brief, never the run's id.
    `limits` are the run's named limits: for a verb, how many calls may be on their way at once.
    `fallbacks` are models, as `provider:name`, that are asked in turn while the pinned one is down.
    """

    run: str
    fingerprint: str
    limits: Mapping[str, int] = field(default_factory=dict)
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asked:
    agent: str
    item: str
    attempt: int
    schema: Mapping[str, Any]
    temperature: float | None


class Gateway:
    """The `Agents` port: render, look up, pay once, validate, ask again within the allowance."""

    def __init__(
        self,
        scope: Scope,
        *,
        ledger: Ledger,
        models: Models,
        provider_of: Callable[[Model], ChatProvider],
        payments: Payments,
        on_switch: Switched,
    ) -> None:
        self._scope = scope
        self._ledger = ledger
        self._models = models
        self._provider_of = provider_of
        self._payments = payments
        self._on_switch = on_switch
        self._permits = {verb: asyncio.Semaphore(n) for verb, n in scope.limits.items()}
        self._used: dict[tuple[str, int], list[Answered]] = {}

    async def call(
        self,
        agent: Agent[T],
        variables: Mapping[str, object],
        *,
        item: str,
        attempt: int = 0,
        aliases: Aliases | None = None,
        bounds: Bounds | None = None,
        temperature: float | None = None,
    ) -> T | Rejected:
        aliases, bounds = aliases or {}, bounds or {}
        schema = narrow(agent.output, aliases, bounds)
        asked = _Asked(agent.name, item, attempt, schema, temperature)
        messages = prompts.render(agent.prompt, variables)
        ask = 0
        complaint: BadAnswer | AllowanceSpent | None = None
        while True:
            try:
                answered = await self._answer(asked, messages, ask)
            except AllowanceSpent as spent:
                why = complaint or spent
                return Rejected(agent=agent.name, item=item, reason=why.ko, reason_en=why.en)
            self._used.setdefault((item, attempt), []).append(answered)
            try:
                return parse(
                    answered.text,
                    answered.finish_reason,
                    agent.output,
                    aliases=aliases,
                    bounds=bounds,
                )
            except BlockedAnswer as bad:
                return Blocked(agent=agent.name, item=item, reason=bad.ko, reason_en=bad.en)
            except BadAnswer as bad:
                ask, complaint = ask + 1, bad
                messages = _asked_again(messages, answered.text, bad.ko)

    def used(self, item: str, attempt: int) -> dict[str, Any]:
        """Sum what the answers used for an item's attempt cost, as an event's note."""
        calls = self._used.get((item, attempt), [])
        if not calls:
            return {}
        return {
            "model": f"{calls[-1].provider}:{calls[-1].model}",
            "input_tokens": sum(call.input_tokens for call in calls),
            "output_tokens": sum(call.output_tokens for call in calls),
            "cost": sum(call.cost for call in calls) / 1_000_000_000,
        }

    async def settle(self) -> None:
        """Wait until no call is on its way."""
        await self._payments.settle()

    def drain(self) -> None:
        """Send nothing more; a graph that asks hears Drained."""
        self._payments.drain()

    async def _answer(self, asked: _Asked, messages: tuple[Message, ...], ask: int) -> Answered:
        model = self._models.pinned(asked.agent)
        seed = content_hash([self._scope.fingerprint, asked.item, asked.attempt, ask])
        request = ChatRequest(
            agent=asked.agent,
            item=asked.item,
            attempt=asked.attempt,
            model=model.name,
            messages=messages,
            schema=asked.schema,
            schema_name=asked.agent.replace(".", "_"),
            seed=int(seed[:8], 16),
            max_output_tokens=model.max_output_tokens,
            temperature=model.temperature if asked.temperature is None else asked.temperature,
        )
        waiting = list(self._scope.fallbacks)
        while True:
            try:
                return await self._paid(request, model, ask, asked.temperature)
            except ProviderDown as down:
                if not waiting:
                    raise
                successor = self._models.named(waiting.pop(0), agent=asked.agent)
                self._on_switch(asked.agent, _name(model), _name(successor), str(down))
                model, request = successor, replace(request, model=successor.name)

    async def _paid(
        self, request: ChatRequest, model: Model, ask: int, temperature: float | None
    ) -> Answered:
        parts: list[object] = [
            self._scope.run,
            request.agent,
            _name(model),
            request.messages,
            request.schema,
            request.item,
            request.attempt,
            ask,
        ]
        if temperature is not None:
            # Only where a call brings its own: the pinned one may be tuned under a running run.
            parts.append({"temperature": temperature})
        key = content_hash(parts)
        if answered := await self._ledger.find(key):
            return answered
        question = Question(
            key=key,
            agent=request.agent,
            item=request.item,
            attempt=request.attempt,
            ask=ask,
            provider=model.provider,
            model=model.name,
            estimated_tokens=estimate_tokens(request.messages, request.schema),
            max_output_tokens=model.max_output_tokens,
            input_price=model.price.input * 1000,
            output_price=model.price.output * 1000,
        )
        permit = self._permits.get(request.item.partition("/")[0])
        return await self._payments.pay(question, request, model, self._provider_of(model), permit)


def _name(model: Model) -> str:
    return f"{model.provider}:{model.name}"


def _asked_again(messages: tuple[Message, ...], text: str, reason: str) -> tuple[Message, ...]:
    again = prompts.render("gateway/ask_again", {"reason": reason})
    return (*messages, Message("assistant", text[:MAX_QUOTED]), *again)
