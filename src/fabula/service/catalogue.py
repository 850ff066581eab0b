"""`GET /v1/products`: what can be asked for, with types, a drawing and an example."""

# No `from __future__ import annotations`: the routes' types are made of the products at hand.

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from fabula.products import Product
from fabula.service.auth import Who
from fabula.service.problems import Refused, excerpt


class ProductSummary(BaseModel):
    """A product in the list."""

    name: str
    url: str


class ProductList(BaseModel):
    """The products, by name."""

    products: list[ProductSummary]


class ProductView(BaseModel):
    """A product: JSON schemas of what it takes and gives, its graph, a brief that runs as it is.

    `changes` are what can be asked of a finished run, `answers` what its questions to a person
    want; both by name.
    """

    name: str
    brief: dict[str, Any]
    flags: dict[str, Any]
    result: dict[str, Any]
    changes: dict[str, dict[str, Any]]
    answers: dict[str, dict[str, Any]]
    mermaid: str
    example: dict[str, Any] | None
    forecast: bool
    in_parts: bool


def routes(products: Mapping[str, Product]) -> APIRouter:
    """Make the routes for these products."""
    router = APIRouter(prefix="/v1", tags=["products"])

    @router.get("/products")
    async def list_products(who: Who) -> ProductList:  # noqa: ARG001 - who may ask is checked
        """List the products."""
        found = [ProductSummary(name=name, url=f"/v1/products/{name}") for name in sorted(products)]
        return ProductList(products=found)

    @router.get("/products/{name}")
    async def show_product(name: str, who: Who) -> ProductView:  # noqa: ARG001 - as above
        """Say what a product takes and gives."""
        if name not in products:
            raise _unknown(name, sorted(products))
        return await asyncio.to_thread(_view, products[name])

    return router


def _view(made: Product) -> ProductView:
    return ProductView(
        name=made.name,
        brief=made.brief.model_json_schema(),
        flags=made.flags.model_json_schema(),
        result=made.result.model_json_schema(mode="serialization"),
        changes={name: one.request.model_json_schema() for name, one in made.changes.items()},
        answers={name: one.model_json_schema() for name, one in made.answers.items()},
        mermaid=made.mermaid(made.flags()),
        example=dict(made.example()) if made.example else None,
        forecast=made.forecast is not None,
        in_parts=made.in_parts,
    )


def _unknown(name: str, products: list[str]) -> Refused:
    listed = ", ".join(products)
    return Refused(
        404,
        "unknown_product",
        f"there is no product {excerpt(name)}; products: {listed}",
        f"{excerpt(name)}라는 제품은 없습니다. 있는 제품: {listed}",
        field="name",
    )
