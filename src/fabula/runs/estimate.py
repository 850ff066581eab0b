"""What a run will cost, before any money: its own prompts, corrected by what past runs used."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel

from fabula.documents import Document
from fabula.errors import BadInput, FabulaError
from fabula.gateway.forecast import Assumption, ExpectedCall
from fabula.gateway.gateway import MAX_QUOTED
from fabula.gateway.models import Model, Models
from fabula.gateway.prices import TOKENS_PER_WIDE_CHARACTER
from fabula.products import Product
from fabula.products import product as product_of
from fabula.runs.checks import Brief, choose_flags, read_brief
from fabula.settings import Settings
from fabula.store.engine import Store
from fabula.store.events import Event
from fabula.store.tables import LOCAL, NANO
from fabula.store.usage import Usage, recorded_usage

log = logging.getLogger("fabula.runs")
ESTIMATED = "run.estimate"
"""The event that keeps a run's estimate."""
COMPLAINT = 3_000
"""Tokens that a complaint adds to a question asked again."""
GUESSED_FOR_ONE = 2.5
"""How many tokens the guess from above makes of one that a tokenizer counted."""
UNKNOWN_SHARE = 0.25
"""How much of its limit an answer is expected to use, where nothing is known of its length."""

Recorded = Mapping[tuple[str, str, str], Usage]


@dataclass(frozen=True)
class Line:
    """What one agent is expected to be asked, and at most; costs in USD, tokens in all.

    `recorded` is how many past calls corrected it; 0: nothing but the guess from above.
    """

    agent: str
    model: str
    calls: float
    calls_most: int
    input_tokens: int
    output_tokens: int
    input_most: int
    output_most: int
    cost: float
    cost_most: float
    recorded: int


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to use and cost, and at most; USD.

    The most is every item at its whole allowance with the longest prompts and answers, at the
    dearest of the agents and fallbacks that may get it: less than the lines' together where
    several agents may be asked about one item. Answers lost on their way come on top. Where there
    are `assumptions`, what they name was not looked at, and the most holds under them alone.
    """

    product: str
    profile: str
    calls: float
    calls_most: int
    input_tokens: int
    output_tokens: int
    input_most: int
    output_most: int
    cost: float
    cost_most: float
    lines: tuple[Line, ...]
    assumptions: tuple[Assumption, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON: the event's note and what `--json` prints."""
        return asdict(self)


async def estimate_run(
    product: Product,
    brief: Document,
    flags: BaseModel,
    models: Models,
    store: Store,
    *,
    owner: str,
) -> Estimate:
    """Estimate a run of this brief, corrected by the owner's past runs alone.

    BadInput for a product that forecasts nothing.
    """
    if product.forecast is None:
        raise BadInput("product", f"{product.name} has no forecast of its calls")
    calls = await product.forecast(brief, flags)
    return estimate(
        product,
        calls,
        models=models,
        recorded=await recorded_usage(store, product.name, owner),
        fallbacks=tuple(getattr(flags, "fallback_models", ())),
    )


async def estimate_brief(
    settings: Settings,
    product_name: str,
    brief: Brief,
    *,
    flags: Mapping[str, Any] | None = None,
    profile: str | None = None,
) -> Estimate:
    """Estimate a run with these options, as `Runner.run` takes them; nothing is asked or paid.

    A key is not needed. BadInput names what is wrong with the options or the brief's sources.
    """
    made = product_of(product_name)
    models = Models(settings, profile or settings.profile, keys=False)
    document = await asyncio.to_thread(read_brief, made, brief)
    merged, _ = choose_flags(made, flags or {}, settings, document)
    store = await Store.open(settings)
    try:
        return await estimate_run(made, document, merged, models, store, owner=LOCAL)
    finally:
        await store.close()


async def estimate_event(
    product: Product,
    brief: Document,
    flags: BaseModel,
    models: Models,
    store: Store,
    *,
    owner: str,
) -> tuple[Event, ...]:
    """Return a run's estimate as the event that keeps it; nothing where it cannot be made.

    What makes it impossible, such as sources that are not there, is for the run itself to say.
    """
    if product.forecast is None:
        return ()
    try:
        made = await estimate_run(product, brief, flags, models, store, owner=owner)
    except FabulaError as error:
        log.info("not estimated product=%s code=%s", product.name, error.code)
        return ()
    return (Event(ESTIMATED, note=made.as_json()),)


def estimate(
    product: Product,
    calls: Sequence[ExpectedCall],
    *,
    models: Models,
    recorded: Recorded,
    fallbacks: Sequence[str] = (),
) -> Estimate:
    """Sum expected calls up, for each agent and in all."""
    limits: dict[str, int] = {}
    for call in calls:
        longest = models.pinned(call.agent).max_output_tokens
        limits[call.item] = max(limits.get(call.item, 0), longest)
    reckoning = _Reckoning(product.allowance, models, recorded, tuple(fallbacks), limits)
    worked = [reckoning.work(call) for call in calls]
    lines = [
        _line(agent, [one for one in worked if one.call.agent == agent])
        for agent in dict.fromkeys(one.call.agent for one in worked)
    ]
    items = [
        [one for one in worked if one.call.item == item]
        for item in dict.fromkeys(call.item for call in calls)
    ]
    return Estimate(
        product=product.name,
        profile=models.profile,
        calls=round(sum(one.calls for one in worked), 2),
        calls_most=product.allowance * len(items),
        input_tokens=sum(line.input_tokens for line in lines),
        output_tokens=sum(line.output_tokens for line in lines),
        input_most=sum(max(one.input_most for one in item) for item in items),
        output_most=sum(max(one.output_most for one in item) for item in items),
        cost=sum(line.cost for line in lines),
        cost_most=sum(max(one.cost_most for one in item) for item in items) / NANO,
        lines=tuple(lines),
        assumptions=tuple(dict.fromkeys(call.assumes for call in calls if call.assumes)),
    )


@dataclass(frozen=True)
class _Worked:
    """One call with its tokens and its price in nano-USD."""

    call: ExpectedCall
    model: Model
    calls: float
    calls_most: int
    input_tokens: float
    output_tokens: float
    input_most: int
    output_most: int
    cost: float
    cost_most: int
    recorded: int


@dataclass(frozen=True)
class _Reckoning:
    """What every call is reckoned by; `limits` are the items' longest answers, in tokens."""

    allowance: int
    models: Models
    recorded: Recorded
    fallbacks: tuple[str, ...]
    limits: Mapping[str, int]

    def work(self, call: ExpectedCall) -> _Worked:
        model = self.models.pinned(call.agent)
        used = self.recorded.get((call.agent, model.provider, model.name))
        calls = call.times * (used.calls_each if used else 1.0)
        told = used.output_tokens if used else _told(call, model)
        input_tokens = calls * call.input_tokens * (used.ratio if used else 1.0)
        output_tokens = calls * min(told, model.max_output_tokens)
        input_most = self._input_most(call, model, max(1.0, used.ratio_most if used else 1.0))
        output_most = model.max_output_tokens * self.allowance
        others = (self.models.named(one, agent=call.agent) for one in self.fallbacks)
        return _Worked(
            call=call,
            model=model,
            calls=calls,
            calls_most=self.allowance,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            input_most=input_most,
            output_most=output_most,
            cost=(input_tokens * model.price.input + output_tokens * model.price.output) * 1000,
            cost_most=max(one.price.cost(input_most, output_most) for one in (model, *others)),
            recorded=used.calls if used else 0,
        )

    def _input_most(self, call: ExpectedCall, model: Model, ratio: float) -> int:
        """Return the longest prompts of an item together.

        Each time it is asked again it may bring the answer that was refused, quoted or as what is
        to be rewritten.
        """
        first = call.input_most + GUESSED_FOR_ONE * sum(
            self.limits.get(item, 0) for item in call.carries
        )
        told = GUESSED_FOR_ONE * model.max_output_tokens
        grown = max(MAX_QUOTED * TOKENS_PER_WIDE_CHARACTER, told) + COMPLAINT
        asked = sum(first + again * grown for again in range(self.allowance))
        return math.ceil(asked * ratio)


def _told(call: ExpectedCall, model: Model) -> float:
    if call.output_tokens is None:
        return model.max_output_tokens * UNKNOWN_SHARE
    return call.output_tokens


def _line(agent: str, worked: Sequence[_Worked]) -> Line:
    first = worked[0]
    return Line(
        agent=agent,
        model=f"{first.model.provider}:{first.model.name}",
        calls=round(sum(one.calls for one in worked), 2),
        calls_most=sum(one.calls_most for one in worked),
        input_tokens=round(sum(one.input_tokens for one in worked)),
        output_tokens=round(sum(one.output_tokens for one in worked)),
        input_most=sum(one.input_most for one in worked),
        output_most=sum(one.output_most for one in worked),
        cost=round(sum(one.cost for one in worked)) / NANO,
        cost_most=sum(one.cost_most for one in worked) / NANO,
        recorded=first.recorded,
    )


def error_of(expected: Mapping[str, Any], sums: Mapping[str, Any]) -> dict[str, Any]:
    """Compare an estimate, as plain JSON, with what a run's ledger says.

    For calls, tokens and cost: what was expected, at most and true, and `off`, the true over the
    expected less 1 (None where nothing was expected).
    """
    names = {
        "calls": "calls_most",
        "input_tokens": "input_most",
        "output_tokens": "output_most",
        "cost": "cost_most",
    }
    return {
        name: {
            "expected": expected[name],
            "most": expected[most],
            "true": sums[name],
            "off": sums[name] / expected[name] - 1 if expected[name] else None,
        }
        for name, most in names.items()
    }
