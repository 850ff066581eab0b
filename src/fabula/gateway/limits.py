"""Provider limits: how many requests and tokens a minute each model lets through."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from pydantic import Field, ValidationError

from fabula.documents import Strict, canonical_json
from fabula.errors import BadInput
from fabula.settings import Settings, read_yaml

FILE = "limits.yaml"


class Limit(Strict):
    """What one model lets through; what is None is not limited."""

    rpm: float | None = Field(default=None, gt=0)
    tpm: float | None = Field(default=None, gt=0)
    project_share: float | None = Field(default=None, gt=0, le=1)
    burst_s: float = Field(default=1.0, gt=0, le=10)


@dataclass(frozen=True)
class Limits:
    """`limits.yaml`: `provider:model`, or `provider:*`, to its limit."""

    table: Mapping[str, Limit] = field(default_factory=dict)

    @classmethod
    def load(cls, settings: Settings) -> Limits:
        """Read the file; BadInput names the first wrong entry."""
        raw = read_yaml(settings.config_file(FILE)) or {}
        if not isinstance(raw, dict):
            raise BadInput(FILE, "must map provider:model to its limits")
        return cls({str(model): _limit(str(model), given) for model, given in raw.items()})

    def __bool__(self) -> bool:
        return bool(self.table)

    def of(self, model: str) -> Limit | None:
        """Return the limit of a `provider:model`, None where it has none."""
        return self.table.get(model) or self.table.get(f"{model.partition(':')[0]}:*")

    def key(self) -> str:
        """Name these limits by what they say."""
        return canonical_json({name: limit.model_dump() for name, limit in self.table.items()})


def _limit(model: str, given: object) -> Limit:
    provider, colon, name = model.partition(":")
    if not (provider and colon and name):
        raise BadInput(
            f"{FILE}: {model}",
            "is no model: wanted provider:model, such as openai:gpt-4.1-mini or openai:*",
            "provider:model 꼴이 아닙니다. 예: openai:gpt-4.1-mini, openai:*",
        )
    try:
        limit = Limit.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([model, *(str(part) for part in first["loc"])])
        raise BadInput(f"{FILE}: {where}", first["msg"]) from None
    if limit.rpm is None and limit.tpm is None:
        raise BadInput(
            f"{FILE}: {model}",
            "limits nothing: give rpm (requests a minute), tpm (tokens a minute) or both",
            "rpm(분당 요청)이나 tpm(분당 토큰)을 적어 주세요",
        )
    return limit


class Admitted(Protocol):
    """The leave to send one request; what became of it is told before the context ends.

    A request of which nothing was told was not sent: its share goes back.
    """

    def settle(self, tokens: int) -> None:
        """Say how many tokens the request used."""
        ...

    def throttled(self, retry_after_s: float | None) -> None:
        """Say that the provider answered 429, and how long it wished to be left alone."""
        ...


class Limiter(Protocol):
    """Makes calls wait until their model, and their project's share of it, lets them through."""

    def admit(
        self, *, model: str, project: str, tokens: int
    ) -> AbstractAsyncContextManager[Admitted]:
        """Wait for a turn; `model` is `provider:model`, `tokens` what the call may use at most.

        Turns are fair between projects, whatever each has waiting. A waiter may be cancelled.
        """
        ...


class _Free:
    """The leave of a model without limits, which is everybody's and always there."""

    async def __aenter__(self) -> Admitted:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give nothing back."""

    def settle(self, tokens: int) -> None:
        """Count nothing."""

    def throttled(self, retry_after_s: float | None) -> None:
        """Slow nothing down: there is no number to lower."""


FREE: Final = _Free()


class _Unlimited:
    def admit(self, *, model: str, project: str, tokens: int) -> _Free:  # noqa: ARG002 - the port's
        return FREE


UNLIMITED: Final[Limiter] = _Unlimited()
"""Lets every call through at once."""
