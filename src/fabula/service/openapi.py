"""The OpenAPI document: what FastAPI knows, and errors as the problems that they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from fabula.products import Product
from fabula.service.problems import MEDIA_TYPE, Problem
from fabula.service.samples import accepted

FILE = "openapi.json"
_REFERENCE = "#/components/schemas/{model}"
_UNUSED = ("HTTPValidationError", "ValidationError")
_ERRORS = {
    "4XX": "What was asked cannot be done; `code` and `field` say why",
    "5XX": "The service cannot do it now, or has a bug; 503 comes with Retry-After",
}
DESCRIPTION = """Typed pipelines that turn a brief into finished work. A run is asked for, executed
when its turn comes, and followed by its events; closing anything never stops it. Errors are
`application/problem+json` in English and Korean with a stable `code`."""


def describe(app: FastAPI, products: Mapping[str, Product]) -> None:
    """Let the application describe itself so, once."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _described(app, products)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def openapi_bytes(app: FastAPI) -> bytes:
    """Return the application's document as the repository keeps it."""
    return f"{json.dumps(app.openapi(), ensure_ascii=False, indent=2)}\n".encode()


def _described(app: FastAPI, products: Mapping[str, Product]) -> dict[str, Any]:
    made = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes
    )
    schemas = made["components"]["schemas"]
    for name in _UNUSED:
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template=_REFERENCE)
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in made["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            for parameter in operation.get("parameters", ()):
                _never_null(parameter)
            for status, words in _ERRORS.items():
                operation["responses"][status] = {"description": words, "content": content}
    # Put in last: FastAPI drops every null of an example that it is given.
    answer = made["paths"]["/v1/runs"]["post"]["responses"]["202"]
    answer["content"]["application/json"]["example"] = accepted(products)
    made["components"]["schemas"] = dict(sorted(schemas.items()))
    return made


def _never_null(parameter: dict[str, Any]) -> None:
    """Say that a parameter may be left out, and not that it may be null: `null` is four letters."""
    schema = parameter["schema"]
    kinds = [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]
    if kinds:
        parameter["schema"] = {**schema, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})}
