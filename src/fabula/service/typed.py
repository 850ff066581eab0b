"""A run's view for each product, told apart by `product`: what the OpenAPI shows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic import create_model as make_model

from fabula.products import Product
from fabula.service.views import RunView


def view_of_any(products: Mapping[str, Product]) -> Any:
    """Return the type of a view of a run of any of the products."""
    views = [_view(made) for _, made in sorted(products.items())]
    union: Any = reduce(or_, views)
    return Annotated[union, Field(discriminator="product")] if len(views) > 1 else union


def _view(made: Product) -> type[RunView]:
    fields: dict[str, Any] = {
        "product": (Literal[made.name], ...),
        "result": (made.result | None, None),
    }
    return make_model(f"{made.name.capitalize()}Run", __base__=RunView, **fields)
