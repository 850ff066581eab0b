"""What a run may be asked for: one strict request model for each product."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeVar, cast

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError
from pydantic import create_model as make_model

from fabula.documents import Document
from fabula.products import Product

MONTH_S = 30 * 86_400
MOST_USD = 1e9 - 1
PROJECT = r"^[A-Za-z0-9가-힣][A-Za-z0-9가-힣._-]{0,63}$"
THREAD = r"^[^\x00-\x1f\x7f]{1,128}$"
PRINTABLE = r"^[\x21-\x7e]{1,255}$"
URL = r"^https?://[\x21-\x7e]+$"

M = TypeVar("M", bound=BaseModel)


class Options(BaseModel):
    """What every request for a run, or for its estimate, may say."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    profile: str | None = Field(default=None, pattern=PROJECT, examples=["offline"])
    """Which models are asked; None: the server's."""


class RunOptions(Options):
    """What every request for a run may say. `budget` is in USD."""

    project: str = Field(default="default", pattern=PROJECT)
    budget: float | None = Field(default=None, gt=0, le=MOST_USD)
    thread: str | None = Field(default=None, pattern=THREAD)
    """The caller's own name for a book or a conversation: it has one active run at a time."""
    timeout_s: float | None = Field(default=None, gt=0, le=MONTH_S)
    queue: Literal["interactive", "batch"] = "batch"
    after_seconds: float = Field(default=0, ge=0, le=MONTH_S)
    """The run is not started before so many seconds have passed."""
    webhook: str | None = Field(default=None, pattern=URL, max_length=2000)
    """An address that is told how the run ended."""


class EstimateOptions(Options):
    """What a request for an estimate may say besides product, brief and flags."""


def product_of(asked: BaseModel) -> str:
    """Return the product that a request names."""
    return str(cast("Any", asked).product)


def brief_of(asked: BaseModel) -> Document:
    """Return the brief of a request."""
    brief: Document = cast("Any", asked).brief
    return brief


def flags_of(asked: BaseModel) -> Mapping[str, Any]:
    """Return the flags that a request names."""
    flags: BaseModel | None = cast("Any", asked).flags
    return flags.model_dump(mode="json", exclude_unset=True) if flags else {}


def examples_of(products: Mapping[str, Product]) -> dict[str, Any]:
    """Return a request for each product that has an example."""
    return {
        name: {"value": {"product": name, "brief": dict(made.example())}}
        for name, made in sorted(products.items())
        if made.example
    }


def any_of(products: Mapping[str, Product], base: type[BaseModel], name: str) -> PlainValidator:
    """Make the validator of a request for any of the products, told apart by `product`."""
    models = [_request(made, base, name) for _, made in sorted(products.items())]
    union: Any = reduce(or_, models)
    if len(models) > 1:
        union = Annotated[union, Field(discriminator="product")]
    tags = frozenset(products)
    return PlainValidator(_strictly(union, tags), json_schema_input_type=union)


def exactly(model: type[BaseModel], *, optional: bool = False) -> PlainValidator:
    """Make the validator of one strict model, or of null too."""
    kind: Any = model | None if optional else model
    return PlainValidator(_strictly(kind, frozenset()), json_schema_input_type=kind)


def _request(made: Product, base: type[BaseModel], name: str) -> type[BaseModel]:
    fields: dict[str, Any] = {
        "product": (Literal[made.name], ...),
        "brief": (made.brief, ...),
        "flags": (made.flags | None, None),
    }
    return make_model(f"{made.name.capitalize()}{name}", __base__=base, **fields)


def _strictly(kind: Any, tags: frozenset[str]) -> Callable[[Any], Any]:
    """Return a validator of plain JSON that takes no value for another: not true for 1.

    Strict JSON reads dates and tuples, which strict Python values do not.
    """
    adapter = TypeAdapter(kind)

    def validate(value: Any) -> Any:
        try:
            return adapter.validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            found = [_placed(one, tags) for one in error.errors()]
            raise RequestValidationError(found) from None

    return validate


def _placed(error: Any, tags: frozenset[str]) -> dict[str, Any]:
    """Say which field is meant: pydantic names a union's chosen model, and not its tag's field."""
    loc = error["loc"]
    if error["type"].startswith("union_tag"):
        loc = ("product",)
        got = error["input"].get("product") if isinstance(error["input"], dict) else error["input"]
        error = {**error, "input": got}
    elif loc and loc[0] in tags:
        loc = loc[1:]
    return {**error, "loc": ("body", *loc)}
