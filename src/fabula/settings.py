"""What can be set: run flag over environment over YAML over default.

Nothing else reads the environment. Secrets are `SecretStr`: they print as stars.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from fabula.complaints import complaint
from fabula.errors import BadInput
from fabula.setting_values import WANTED, Host, listed, mapped, redis, shown, site

PREFIX = "FABULA_"
Origin = Literal["argument", "environment", "settings.yaml", "default"]
MAX_YAML_BYTES = 1_000_000
PRODUCT_NAMES = ("magazine", "novel", "shorts", "persona", "roleplay")


def _either(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class Settings(BaseSettings):
    """Merge what can be set.

    `Settings.load()` reads environment and YAML; the constructor, arguments and environment alone.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True, env_ignore_empty=True
    )

    home: Path = Field(default_factory=lambda: Path.home() / ".fabula")
    """The data folder: database, checkpoints, artifacts."""
    database_url: str | None = None
    """An SQLAlchemy URL; None: SQLite in `home`."""
    profile: str = "offline"
    config_dir: Path | None = None
    """A folder whose files stand in for the shipped ones: agent_model_map.yaml, prices.yaml,
    settings.yaml."""

    local_base_url: str | None = None
    local_model: str | None = None
    local_api_key: SecretStr | None = None
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=_either("FABULA_OPENAI_API_KEY", "OPENAI_API_KEY")
    )
    openai_base_url: str | None = None
    google_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=_either("FABULA_GOOGLE_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"),
    )
    google_base_url: str | None = None

    offline_faults: int = Field(default=0, ge=0)
    """Every n-th answer of the offline model is spoilt; 0: none."""
    korean_analyzer: Literal["plain", "kiwi"] = "plain"
    lease_s: float = Field(default=3.0, gt=0.1)
    """How long a run stays owned without a sign of life, in seconds."""
    sweep_s: float = Field(default=0.5, gt=0.01)
    """How often a worker looks for due runs that nobody rang for, in seconds."""
    interactive_slots: int = Field(default=4, ge=0, le=256)
    batch_slots: int = Field(default=4, ge=0, le=256)
    """How many runs of a queue one worker executes at once."""
    project_concurrency: int | None = Field(default=None, ge=1)
    """How many runs of one project are executed at once; None: as many as there are slots."""
    redis_url: Annotated[SecretStr | None, AfterValidator(redis)] = None
    """The Redis that workers are woken through and share limits in; None: this process alone."""
    requests_per_minute: float = Field(default=600.0, gt=0)
    """How many requests a minute an API key may send whose own rate is not set."""
    bootstrap_key: SecretStr | None = None
    """An API key that a service makes for the owner `bootstrap` when it starts:
    `fab_bootstrap_` and 64 hex digits, such as `openssl rand -hex 32` writes."""
    api_key: SecretStr | None = None
    """The API key that `fabula.client` and `--server` show to a service."""
    upload_max_bytes: int = Field(default=50_000_000, ge=1)
    """The largest file that may be uploaded."""
    uploads_max_bytes: int = Field(default=5_000_000_000, ge=1)
    """What all uploads of one owner may have together."""
    webhook_secret: SecretStr | None = Field(default=None, min_length=16)
    """What webhooks are signed with; None: a run that names a webhook is refused."""
    disk_room_bytes: int = Field(default=200_000_000, ge=0)
    """With less room than this for `home` a service is not ready."""
    artifacts_url: str | None = Field(default=None, pattern=r"^file://")
    """Where artifacts are kept, a `file://` URL; None: the data folder."""
    max_body_bytes: int = Field(default=10_000_000, ge=1_000)
    """The largest request body that the service reads; files have a limit of their own."""
    transport_tries: int = Field(default=5, ge=1, le=20)
    """How often one question is sent at most while the provider is away."""
    transport_backoff_s: float = Field(default=0.5, ge=0)
    fetch_private_hosts: Annotated[tuple[Host, ...], NoDecode, BeforeValidator(listed)] = ()
    """Hosts (`host` or `host:port`) that sources may be fetched from though they are not public."""
    site_url: Annotated[str | None, AfterValidator(site)] = None
    """Where published folders stand on the web, each under its own name; None: links in a page are
    relative to it."""
    flags: Annotated[Mapping[str, Mapping[str, Any]], NoDecode, BeforeValidator(mapped)] = Field(
        default_factory=dict
    )
    """Flags of products, from YAML: `flags: {magazine: {max_parallel_section_writers: 2}}`."""

    _given: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def load(cls, **given: Any) -> Settings:
        """Merge arguments over environment over `settings.yaml` over defaults.

        Raises BadInput naming the first setting that is unknown or has a wrong value.
        """
        _refuse_unknown_environment(cls)
        try:
            settings = cls(**given)
            settings._refuse_no_folder(given)
            path = settings.config_file("settings.yaml")
            from_yaml = read_yaml(path) or {}
            if not isinstance(from_yaml, dict):
                raise BadInput(str(path.name), "must hold a mapping of settings")
            if unknown := sorted(set(from_yaml) - set(cls.model_fields)):
                raise BadInput(f"settings.yaml: {unknown[0]}", "is not a setting")
            chosen = settings.model_fields_set
            merged = cls(**{k: v for k, v in from_yaml.items() if k not in chosen}, **given)
        except ValidationError as error:
            raise cls._refusal(error.errors()[0], given) from None
        merged._given = frozenset(given)
        return merged

    @classmethod
    def _refusal(cls, error: ErrorDetails, given: Mapping[str, Any]) -> BadInput:
        """Say which setting has a wrong value, the value where it is no secret, and the way out."""
        name, *inner = (str(part) for part in error["loc"])
        name = next((one for one in cls.model_fields if name in (one, *cls._variables(one))), name)
        where = ".".join((cls._place(name, given), *inner))
        field = cls.model_fields.get(name)
        if field is None:
            return BadInput(where, error["msg"], complaint(error))
        got = "" if "SecretStr" in str(field.annotation) else shown(error["input"])
        wanted_en, wanted_ko = WANTED.get(name, (error["msg"], complaint(error)))
        plain = field.default_factory or field.default in (None, ())
        default = "" if plain else f" (`{field.default}`)"
        return BadInput(
            where,
            f"{got and f'got {got}: '}{wanted_en}; without it the default{default} holds",
            f"{got and f'받은 값 {got}: '}{wanted_ko}. 지우면 기본값{default.strip()}을 씁니다",
        )

    @classmethod
    def _variables(cls, name: str) -> list[str]:
        """Return the environment variables that set a setting."""
        alias = cls.model_fields[name].validation_alias
        names = alias.choices if isinstance(alias, AliasChoices) else [f"{PREFIX}{name}"]
        return [str(one).upper() for one in names]

    @classmethod
    def _place(cls, name: str, given: Mapping[str, Any]) -> str:
        """Say where a setting was set: `environment FABULA_LEASE_S`."""
        if name in given or name not in cls.model_fields:
            return f"setting {name}"
        environment = {one.upper() for one, value in os.environ.items() if value}
        for variable in cls._variables(name):
            if variable in environment:
                return f"environment {variable}"
        return f"settings.yaml: {name}"

    def _refuse_no_folder(self, given: Mapping[str, Any]) -> None:
        if self.config_dir and not self.config_dir.is_dir():
            raise BadInput(
                self._place("config_dir", given),
                f"got `{self.config_dir}`, which is not a folder; name the folder of your own "
                "settings.yaml, agent_model_map.yaml, prices.yaml, or leave it out",
                f"`{self.config_dir}`: 폴더가 아닙니다. settings.yaml, agent_model_map.yaml, "
                "prices.yaml을 둔 폴더를 주거나 지우세요",
            )

    def origins(self) -> Mapping[str, Origin]:
        """Say where each of the settings that `load` merged came from."""
        environment = {name.upper() for name, value in os.environ.items() if value}
        found: dict[str, Origin] = {}
        for name in type(self).model_fields:
            if name in self._given:
                found[name] = "argument"
            elif environment & set(self._variables(name)):
                found[name] = "environment"
            else:
                found[name] = "settings.yaml" if name in self.model_fields_set else "default"
        return found

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings)

    @cached_property
    def store_url(self) -> str:
        """The database's SQLAlchemy URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home.resolve() / 'fabula.db'}"

    def config_file(self, name: str) -> Path:
        """Return the file of that name in `config_dir`, or the one that ships with fabula."""
        if self.config_dir and (self.config_dir / name).is_file():
            return self.config_dir / name
        return _shipped_config() / name


def ready_folder(folder: Path) -> Path:
    """Make the folder; BadInput where it cannot be made or written into."""
    reason = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            reason = "permission denied"
    except OSError as error:
        reason = error.strerror
    if reason:
        raise BadInput(
            "out",
            f"{folder} cannot be written into: {reason}; name another folder",
            f"{folder} 폴더에 쓸 수 없습니다: {reason}. 다른 폴더를 주세요",
        )
    return folder


def _shipped_config() -> Path:
    installed = Path(__file__).parent / "_config"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "config"


def _refuse_unknown_environment(cls: type[Settings]) -> None:
    known = {f"{PREFIX}{name}".upper() for name in cls.model_fields}
    flags = tuple(f"{PREFIX}{product.upper()}_" for product in PRODUCT_NAMES)
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known and not name.startswith(flags):
            raise BadInput(
                f"environment {name}",
                "is not a setting of fabula; see `config/settings.yaml` for the names",
                "fabula의 설정이 아닙니다. 이름은 `config/settings.yaml`에 있습니다",
            )


def flag_environment(product: str, names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Read a product's flags from the environment; an empty variable sets nothing.

    `names` maps each flag to further variable names of the user's own; `FABULA_<PRODUCT>_<FLAG>`
    and `<PRODUCT>_<FLAG>` always count. Raises BadInput for an unknown `FABULA_<PRODUCT>_…`.
    """
    own = f"{PREFIX}{product}_".upper()
    known = {f"{own}{flag}".upper() for flag in names}
    for name in sorted(os.environ):
        if name.startswith(own) and name not in known:
            raise BadInput(
                f"environment {name}", f"is no flag of {product}; flags: {', '.join(names)}"
            )
    found = flag_variables(product, names)
    return {flag: os.environ[name].strip() for flag, name in found.items()}


def flag_variables(product: str, names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Say which environment variable sets each of the flags that `flag_environment` finds."""
    found: dict[str, str] = {}
    for flag, aliases in names.items():
        own, short = f"{PREFIX}{product}_{flag}".upper(), f"{product}_{flag}".upper()
        for name in (own, *aliases, short):
            if os.environ.get(name, "").strip():
                found[flag] = name
                break
    return found


class _NoAliasLoader(yaml.SafeLoader):
    """SafeLoader without aliases and without keys that are there twice.

    A few hundred bytes of aliases can fill the memory; of two equal keys the last would win
    without a word.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML has no types
            raise yaml.YAMLError(f"aliases are not allowed (line {event.start_mark.line + 1})")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if (key.tag, key.value) in seen:
                line = key.start_mark.line + 1
                raise yaml.YAMLError(f"`{key.value[:80]}` is there twice (line {line})")
            seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> Any:
    """Read a YAML file of at most 1 MB, without aliases; BadInput names file, line and reason."""
    try:
        if path.stat().st_size > MAX_YAML_BYTES:
            raise BadInput(path.name, f"is larger than {MAX_YAML_BYTES:,} bytes")
        return parse_yaml(path.read_text("utf-8"), name=path.name)
    except FileNotFoundError:
        raise BadInput(path.name, "does not exist", "파일이 없습니다") from None
    except UnicodeDecodeError as error:
        raise BadInput(path.name, f"is not UTF-8 text: {error.reason}") from None


def parse_yaml(text: str, *, name: str) -> Any:
    """Parse YAML text without aliases; BadInput names `name`, the line and the reason."""
    try:
        return yaml.load(text, Loader=_NoAliasLoader)  # noqa: S506 - a SafeLoader
    except (ValueError, RecursionError) as error:
        # A date such as 2026-13-40, or nesting deeper than anyone writes by hand.
        raise BadInput(
            name, f"is not valid YAML: {error}", f"올바른 YAML이 아닙니다: {error}"
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        place = f"({mark.line + 1}번째 줄)" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise BadInput(
            name,
            f"is not valid YAML{where}: {problem}",
            f"올바른 YAML이 아닙니다{place}: {problem}",
        ) from None


__all__ = [
    "Settings",
    "flag_environment",
    "flag_variables",
    "parse_yaml",
    "read_yaml",
    "ready_folder",
]
