"""What every document shares: identity by content, a schema version, references."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

Aliases = Mapping[str, Mapping[str, str]]
"""For each kind of reference, the aliases that a call may cite and the ids they stand for."""


class Strict(BaseModel):
    """A frozen model that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(Strict):
    """A versioned model that crosses a boundary; its id is `Kind:` and a hash of its body."""

    schema_version: int = 1

    @property
    def id(self) -> str:
        return f"{type(self).__name__}:{content_hash(self.model_dump(mode='json'))}"


def canonical_json(value: object) -> str:
    """Write JSON in the one form that is hashed: sorted keys, no spaces, UTF-8 text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_hash(value: object) -> str:
    """Hash plain JSON; 32 hex digits of SHA-256 over `canonical_json`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Ref:
    """Mark a string field as a reference: `Annotated[str, Ref("post")]`.

    In an agent's output the model sees and answers short aliases. Validated with the context
    `{"aliases": Aliases}` the alias is replaced by the id that it stands for, and one that was
    not offered is refused. Without a context nothing is checked.
    """

    kind: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def resolve(value: str, info: core_schema.ValidationInfo) -> str:
            aliases = cast("Mapping[str, Aliases]", info.context or {}).get("aliases")
            if aliases is None:
                return value
            offered = aliases.get(self.kind, {})
            if value not in offered:
                listed = ", ".join(offered) or "none"
                raise ValueError(f"`{value}` is not a {self.kind} of this call; offered: {listed}")
            return offered[value]

        return core_schema.with_info_after_validator_function(resolve, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "x-ref": self.kind}


def alias_ids(prefix: str, ids: Sequence[str]) -> dict[str, str]:
    """Give ids short names for a prompt: `{"p1": first, "p2": second, …}`."""
    return {f"{prefix}{number}": id_ for number, id_ in enumerate(ids, start=1)}
