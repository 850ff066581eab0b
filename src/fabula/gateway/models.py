"""The agent model map: which pinned model answers for which agent under which profile."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date as Date  # noqa: N812 - the field is named `date`
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, ValidationError

from fabula.documents import Strict
from fabula.errors import BadInput, KeyMissing
from fabula.gateway.limits import FILE as LIMITS_FILE
from fabula.gateway.limits import Limits
from fabula.gateway.prices import Price, Prices
from fabula.korean.particles import attach
from fabula.settings import Settings, read_yaml

LOCAL_MODEL = "$FABULA_LOCAL_MODEL"


class Pin(Strict):
    """One agent's entry; what is absent comes from `defaults`."""

    model: str = Field(pattern=r"^[a-z_]+:.+$")
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_output_tokens: int | None = Field(default=None, ge=1)
    call_timeout_s: float | None = Field(default=None, gt=0)


class Defaults(Strict):
    max_output_tokens: int = Field(default=4096, ge=1)
    call_timeout_s: float = Field(default=120, gt=0)


class Change(Strict):
    """One manual change of a pinned model."""

    date: Date
    agent_id: str
    from_model: str
    to_model: str
    reason: str


class AgentModelMap(Strict):
    """`agent_model_map.yaml`."""

    defaults: Defaults = Defaults()
    profiles: Mapping[str, Mapping[str, Pin]]
    history: tuple[Change, ...] = ()

    @classmethod
    def load(cls, settings: Settings) -> AgentModelMap:
        """Read the map; BadInput names the first wrong entry."""
        raw = read_yaml(settings.config_file("agent_model_map.yaml"))
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadInput(f"agent_model_map.yaml: {where}", first["msg"]) from None


class Model(NamedTuple):
    """A pinned model with everything that a call needs to know of it."""

    provider: str
    name: str
    price: Price
    temperature: float | None
    max_output_tokens: int
    call_timeout_s: float


class _Files(NamedTuple):
    """What the three files of a configuration say."""

    agents: AgentModelMap
    prices: Prices
    limits: Limits


_FILES = ("agent_model_map.yaml", "prices.yaml", LIMITS_FILE)
_MOST_READ = 8
_RACY_S = 2.0
"""A file that is younger may change once more without looking any different."""
_read: dict[tuple[tuple[str, int, int], ...], _Files] = {}


def _files(settings: Settings) -> _Files:
    """Read the files, or remember what they said: every run that is asked for needs them."""
    stamps = tuple(_stamp(settings.config_file(name)) for name in _FILES)
    if known := _read.get(stamps):
        return known
    files = _Files(AgentModelMap.load(settings), Prices.load(settings), Limits.load(settings))
    newest = max(changed for _, changed, _ in stamps)
    if time.time_ns() - newest > _RACY_S * 1e9:
        if len(_read) >= _MOST_READ:
            _read.clear()
        _read[stamps] = files
    return files


def _stamp(file: Path) -> tuple[str, int, int]:
    try:
        found = file.stat()
    except OSError:
        # Whoever reads it says what is wrong.
        return str(file), time.time_ns(), 0
    return str(file), found.st_mtime_ns, found.st_size


class Models:
    """The models of one profile; without `keys` they can be looked at before a key is there."""

    def __init__(self, settings: Settings, profile: str, *, keys: bool = True) -> None:
        self._settings = settings
        self._keys = keys
        self._map, self._prices, self.limits = _files(settings)
        self.profile = profile
        if profile not in self._map.profiles:
            known = ", ".join(self._map.profiles)
            raise BadInput(
                "profile",
                f"got `{profile}`, wanted one of: {known}",
                f"`{profile}` 프로필이 없습니다. 있는 것: {known}",
            )

    def pinned(self, agent: str) -> Model:
        """Return the agent's model; BadInput where none is pinned, KeyMissing without its key."""
        pins = self._map.profiles[self.profile]
        pin = pins.get(agent) or pins.get("*")
        if pin is None:
            raise BadInput(
                f"agent_model_map.yaml: profiles.{self.profile}.{agent}",
                "no model is pinned for this agent: add one",
                "이 에이전트에 고정된 모델이 없습니다",
            )
        return self.named(pin.model, agent=agent, pin=pin)

    def named(self, model: str, *, agent: str, pin: Pin | None = None) -> Model:
        """Return a model by `provider:name`, with the agent's own limits."""
        pin = pin or self.pin_of(agent)
        provider, _, name = model.partition(":")
        if name == LOCAL_MODEL:
            name = self._settings.local_model or ""
        self._require(provider, agent)
        defaults = self._map.defaults
        return Model(
            provider=provider,
            name=name,
            price=self._prices.find(provider, name),
            temperature=pin.temperature,
            max_output_tokens=pin.max_output_tokens or defaults.max_output_tokens,
            call_timeout_s=pin.call_timeout_s or defaults.call_timeout_s,
        )

    def pin_of(self, agent: str) -> Pin:
        pins = self._map.profiles[self.profile]
        return pins.get(agent) or pins["*"]

    def missing(self, provider: str) -> tuple[str, ...]:
        """Return the names of the settings that the provider needs and that are not set."""
        settings = self._settings
        needed: Mapping[str, Mapping[str, object]] = {
            "openai": {"FABULA_OPENAI_API_KEY (or OPENAI_API_KEY)": settings.openai_api_key},
            "google_genai": {"FABULA_GOOGLE_API_KEY (or GOOGLE_API_KEY)": settings.google_api_key},
            "local": {
                "FABULA_LOCAL_BASE_URL": settings.local_base_url,
                "FABULA_LOCAL_MODEL": settings.local_model,
            },
        }
        return tuple(name for name, value in needed.get(provider, {}).items() if not value)

    def _require(self, provider: str, agent: str) -> None:
        if not self._keys or not (missing := self.missing(provider)):
            return
        raise KeyMissing(
            f"{agent} (profile {self.profile}) needs {missing[0]}, which is not set: set it, "
            "or run with --profile offline",
            f"{agent}(프로필 {self.profile})에 {attach(missing[0], '이')} 필요합니다. 설정하거나 "
            "--profile offline 으로 실행하세요",
        )
