"""Look at what a run would stand on: settings, models, keys, disk, extras, servers."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from fabula import products
from fabula.errors import FabulaError
from fabula.gateway.failures import scrub
from fabula.gateway.gemini import endpoint
from fabula.gateway.models import Models
from fabula.gateway.openai import OPENAI_BASE_URL
from fabula.products import Product
from fabula.runs.checks import merge_flags
from fabula.settings import Settings, flag_environment
from fabula.store.engine import Store

if TYPE_CHECKING:
    import httpx

State = Literal["ok", "absent", "failed"]
MASK = "***"
SERVER_TIMEOUT_S = 3.0
DEVELOPMENT = "dev"
ADAPTERS = {"openai": "openai", "local": "openai", "google_genai": "gemini"}
"""The extra that a provider's adapter needs."""
CONFIG_FILES = ("settings.yaml", "agent_model_map.yaml", "prices.yaml", "limits.yaml")
PROGRAMS = ("ffmpeg", "espeak-ng", "chromium")
_USER = re.compile(r"//[^/@]*@")
_UNSENDABLE = re.compile(r"[^\x20-\x7e]")
_REQUIRED = re.compile(r"(?P<name>[\w.-]+).*extra\s*==\s*['\"](?P<extra>\w+)")


@dataclass(frozen=True)
class Setting:
    """A setting or a product's flag, secrets masked."""

    name: str
    value: str | None
    origin: str


@dataclass(frozen=True)
class Pinned:
    """An agent's model under the profile; `problem` says why it cannot be asked.

    `asked`: a run with today's flags may ask it.
    """

    agent: str
    model: str
    problem: str | None
    asked: bool


@dataclass(frozen=True)
class Check:
    """Something looked at; `needed`: the profile's runs cannot do without it."""

    group: Literal["config", "home", "database", "extra", "font", "program", "server"]
    name: str
    state: State
    detail: str
    needed: bool


@dataclass(frozen=True)
class Diagnosis:
    """All that was looked at."""

    profile: str
    settings: tuple[Setting, ...]
    models: tuple[Pinned, ...]
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """True where the profile's runs can start."""
        sound = all(one.state == "ok" for one in self.checks if one.needed)
        asked = [one for one in self.models if one.asked]
        return sound and bool(asked) and not any(one.problem for one in asked)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"ok": self.ok, **asdict(self)}


async def examine(settings: Settings) -> Diagnosis:
    """Look at everything; what is wrong is a row, never an exception."""
    models, providers = _models(settings)
    extras = {"magazine", *(ADAPTERS[one] for one in providers if one in ADAPTERS)}
    if settings.korean_analyzer == "kiwi":
        extras.add("ko")
    return Diagnosis(
        profile=settings.profile,
        settings=(*_settings(settings), *_flags(settings)),
        models=tuple(models),
        checks=(
            *await asyncio.to_thread(_config, settings),
            await asyncio.to_thread(_home, settings.home),
            await _database(settings),
            *_extras(needed=extras),
            _font(),
            *(_program(name) for name in PROGRAMS),
            *await asyncio.gather(*_servers(settings, providers)),
        ),
    )


def masked(value: object) -> str | None:
    """Write a setting's value without its secrets: keys, and what stands before an `@` in a URL."""
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    text = str(value)
    if "://" in text:
        address, question, _ = _USER.sub(f"//{MASK}@", text).partition("?")
        return f"{address}?{MASK}" if question else address
    return text


def _config(settings: Settings) -> list[Check]:
    """Say of each file that a `config_dir` may hold whether its own or the shipped one is used."""
    if settings.config_dir is None:
        return []
    found = []
    for name in CONFIG_FILES:
        file = settings.config_file(name)
        own = file.parent == settings.config_dir
        detail = str(file) if own else "the one that ships with fabula is used"
        found.append(Check("config", name, "ok" if own else "absent", detail, needed=False))
    return found


def _settings(settings: Settings) -> Iterable[Setting]:
    for name, origin in settings.origins().items():
        if name != "flags":
            yield Setting(name, masked(getattr(settings, name)), origin)


def _flags(settings: Settings) -> Iterable[Setting]:
    for product in products.PRODUCTS.values():
        names = {name: product.flag_aliases.get(name, ()) for name in product.flags.model_fields}
        try:
            merged = merge_flags(product, {}, settings)
            from_environment = flag_environment(product.name, names)
        except FabulaError as error:
            yield Setting(f"flags.{product.name}", None, f"{error.en}")
            continue
        from_yaml = settings.flags.get(product.name, {})
        for name in names:
            origin = "environment" if name in from_environment else "default"
            if origin == "default" and name in from_yaml:
                origin = "settings.yaml"
            yield Setting(f"{product.name}.{name}", masked(getattr(merged, name)), origin)


def _models(settings: Settings) -> tuple[list[Pinned], set[str]]:
    """Return every agent's model, and the providers that are asked."""
    try:
        models = Models(settings, settings.profile, keys=False)
    except FabulaError as error:
        return [Pinned("*", "", error.en, asked=True)], set()
    found: list[Pinned] = []
    providers: set[str] = set()
    for product in products.PRODUCTS.values():
        asked, wrong = _asked(product, settings)
        for agent in (one.name for one in product.agents):
            pin, provider = _pin(models, agent, asked=agent in asked)
            found.append(replace(pin, problem=wrong) if wrong else pin)
            providers |= {provider} if agent in asked and provider else set()
    return found, providers


def _asked(product: Product, settings: Settings) -> tuple[set[str], str | None]:
    """Return the agents that a run with today's flags may ask; of wrong flags all, and why."""
    try:
        agents = product.agents_of(merge_flags(product, {}, settings))
    except FabulaError as error:
        return {agent.name for agent in product.agents}, error.en
    return {agent.name for agent in agents}, None


def _pin(models: Models, agent: str, *, asked: bool) -> tuple[Pinned, str | None]:
    try:
        model = models.pinned(agent)
    except FabulaError as error:
        return Pinned(agent, "", error.en, asked), None
    missing = models.missing(model.provider)
    problem = f"{missing[0]} is not set" if missing else None
    if model.provider not in ("offline", *ADAPTERS):
        problem = f"there is no adapter for the provider `{model.provider}`"
    return Pinned(agent, f"{model.provider}:{model.name}", problem, asked), model.provider


def _home(home: Path) -> Check:
    existing = next((one for one in (home, *home.absolute().parents) if one.exists()), home)
    writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    detail = str(home) if writable else f"{home}: cannot be written; name another FABULA_HOME"
    return Check("home", "FABULA_HOME", "ok" if writable else "failed", detail, needed=True)


async def _database(settings: Settings) -> Check:
    name = (masked(settings.store_url) or "").partition(":")[0]
    file = settings.home / "fabula.db"
    if settings.database_url is None and not await asyncio.to_thread(file.exists):
        return Check("database", name, "ok", "made at the first run", needed=True)
    try:
        store = await Store.open(settings)
        await store.close()
    except FabulaError as error:
        return Check("database", name, "failed", error.en, needed=True)
    except Exception as error:  # noqa: BLE001 - a driver's own errors are what is looked for
        return Check("database", name, "failed", _words(error, settings), needed=True)
    return Check("database", name, "ok", "the schema is this version's", needed=True)


def _extras(*, needed: set[str]) -> Iterable[Check]:
    """Look for the distributions that fabula's own metadata asks of each extra."""
    asked: dict[str, set[str]] = {}
    for line in requires("fabula") or ():
        if (found := _REQUIRED.match(line)) and found["extra"] != DEVELOPMENT:
            asked.setdefault(found["extra"], set()).add(found["name"])
    for extra, names in sorted(asked.items()):
        missing = sorted(name for name in names if not _installed(name))
        way_out = f"{', '.join(missing)}: pip install 'fabula[{extra}]'"
        yield Check(
            "extra",
            extra,
            "absent" if missing else "ok",
            way_out if missing else "installed",
            needed=extra in needed,
        )


def _installed(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def _font() -> Check:
    from fabula.media.font import font_file

    try:
        return Check("font", font_file().name, "ok", "out of its package", needed=True)
    except FabulaError as error:
        return Check("font", "NanumGothic", "absent", error.en, needed=True)


def _program(name: str) -> Check:
    found = shutil.which(name)
    return Check("program", name, "ok" if found else "absent", found or "", needed=False)


def _servers(settings: Settings, providers: set[str]) -> Iterable[Any]:
    """Try every provider that is set up or asked; what is not there is a row, too."""
    if settings.local_base_url:
        key = {"authorization": f"Bearer {_secret(settings.local_api_key) or 'none'}"}
        url = f"{settings.local_base_url.rstrip('/')}/models"
        yield _server("local", url, key, settings, needed="local" in providers)
    if settings.openai_api_key or settings.openai_base_url:
        key = {"authorization": f"Bearer {_secret(settings.openai_api_key)}"}
        url = f"{(settings.openai_base_url or OPENAI_BASE_URL).rstrip('/')}/models"
        yield _server("openai", url, key, settings, needed="openai" in providers)
    if settings.google_api_key or settings.google_base_url:
        key = {"x-goog-api-key": _secret(settings.google_api_key)}
        url = f"{'/'.join(endpoint(settings.google_base_url))}/models"
        yield _server("google_genai", url, key, settings, needed="google_genai" in providers)


async def _server(
    name: str, url: str, headers: Mapping[str, str], settings: Settings, *, needed: bool
) -> Check:
    import httpx

    where = masked(url) or ""
    if any(_UNSENDABLE.search(value) for value in headers.values()):
        problem = "the key holds characters that no header can carry"
        return Check("server", name, "failed", f"{where}: {problem}", needed=needed)
    try:
        if urlsplit(url).scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol("an http or https address is needed")
        async with asyncio.timeout(SERVER_TIMEOUT_S), httpx.AsyncClient() as client:
            answer = await client.get(url, headers=dict(headers), timeout=SERVER_TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        detail = f"{where}: {_words(error, settings)}"
        return Check("server", name, "failed", detail, needed=needed)
    if answer.is_success:
        lacks = lacking(answer, settings.local_model) if name == "local" else ""
        return Check("server", name, "ok", f"{where}: answers{lacks}", needed=needed)
    said = "refuses the key" if answer.status_code in (400, 401, 403) else "answers"
    detail = f"{where}: {said} ({answer.status_code})"
    return Check("server", name, "failed", detail, needed=needed)


def lacking(answer: httpx.Response, model: str | None) -> str:
    """Return a warning where a server lists its models and the one that is set is not there."""
    try:
        listed = [str(one["id"]) for one in answer.json()["data"]]
    except (ValueError, TypeError, KeyError):
        return ""
    if model is None or model in listed:
        return ""
    few = ", ".join(listed[:5]) or "none"
    return f", but FABULA_LOCAL_MODEL=`{model}` is not in its list ({few}) / 목록에 없는 모델"


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""


def _words(error: Exception, settings: Settings) -> str:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    secrets = [_secret(one) for one in values if isinstance(one, SecretStr)]
    if isinstance(error, TimeoutError):
        return f"no answer within {SERVER_TIMEOUT_S:g} s"
    return scrub(masked(f"{type(error).__name__}: {error}") or "", secrets)
