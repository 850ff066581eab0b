"""Prices and token estimates. An unknown price is an error, never a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from fabula.documents import Strict, canonical_json
from fabula.errors import BadInput
from fabula.gateway.provider import Message
from fabula.settings import Settings, read_yaml

TOKENS_PER_WIDE_CHARACTER = 1.5
TOKENS_PER_ASCII_CHARACTER = 0.5
TOKENS_PER_MESSAGE = 16


class Price(Strict):
    """USD for a million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    as_of: str | None = None

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Return nano-USD, rounded up."""
        return math.ceil(round((input_tokens * self.input + output_tokens * self.output) * 1000, 6))


@dataclass(frozen=True)
class Prices:
    """The price table: provider → model → price; `"*"` stands for every model of a provider."""

    table: Mapping[str, Mapping[str, Price]]

    @classmethod
    def load(cls, settings: Settings) -> Prices:
        """Read `prices.yaml`; BadInput names the first wrong entry."""
        raw = read_yaml(settings.config_file("prices.yaml"))
        if not isinstance(raw, dict):
            raise BadInput("prices.yaml", "must map providers to models and their prices")
        return cls({provider: _models(provider, models) for provider, models in raw.items()})

    def find(self, provider: str, model: str) -> Price:
        """Return the price; BadInput where there is none."""
        models = self.table.get(provider, {})
        price = models.get(model) or models.get("*")
        if price is None:
            raise BadInput(
                f"prices.yaml: {provider}.{model}",
                "has no price, and a price is never guessed: add its USD per million tokens",
                "가격이 없습니다. 백만 토큰당 USD를 적어 주세요",
            )
        return price


def _models(provider: str, models: Any) -> dict[str, Price]:
    if not isinstance(models, dict):
        raise BadInput(f"prices.yaml: {provider}", "must map models to prices")
    found: dict[str, Price] = {}
    for model, price in models.items():
        try:
            found[str(model)] = Price.model_validate(price)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadInput(f"prices.yaml: {provider}.{model}.{where}", first["msg"]) from None
    return found


def estimate_tokens(messages: Sequence[Message], schema: Mapping[str, Any]) -> int:
    """Guess a prompt's tokens from above, without a tokenizer.

    Measured tokenizers stay below 1.3 tokens a Korean character and 0.4 an ASCII character; the
    ledger corrects the guess upwards by recorded usage.
    """
    texts = [message.content for message in messages] + [canonical_json(schema)]
    wide = sum(1 for text in texts for character in text if not character.isascii())
    narrow = sum(len(text) for text in texts) - wide
    total = wide * TOKENS_PER_WIDE_CHARACTER + narrow * TOKENS_PER_ASCII_CHARACTER
    return math.ceil(total) + TOKENS_PER_MESSAGE * len(messages)
