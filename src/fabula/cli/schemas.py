"""`fabula schemas`: the JSON schemas of everything typed that crosses a boundary."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fabula.cli.edge import DONE, conduct, ready_folder, shown
from fabula.cli.terminal import Terminal
from fabula.errors import MissingExtra

if TYPE_CHECKING:
    from fabula.settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SUFFIX = ".schema.json"
FOLDER = Path("schemas")
OPENAPI = "openapi.json"


def add_to(app: typer.Typer) -> None:
    """Put the command on the command line."""

    @app.command(help="문서와 요청서의 JSON 스키마 쓰기 / write the JSON schemas")
    def schemas(
        out: Annotated[Path, typer.Option(metavar="DIR", help="둘 폴더 / where to")] = FOLDER,
    ) -> None:
        terminal = Terminal()
        raise typer.Exit(conduct(terminal, partial(write, terminal, out=out)))


async def write(terminal: Terminal, settings: Settings, *, out: Path) -> int:  # noqa: ARG001
    """Write every schema, and name the files there that are no schema of this version."""
    stale = await asyncio.to_thread(_write, out)
    terminal.say(f"스키마 / schemas: {shown(out)}")
    for name in stale:
        terminal.fact("이 버전의 것이 아님", "not of this version", name, style="yellow")
    return DONE


def all_schemas() -> Mapping[str, bytes]:
    """Return every schema by its file's name: `<product>.<model>.schema.json`, and the OpenAPI.

    The brief, the flags, each document, each agent's answer, each change's request.
    """
    found: dict[str, bytes] = {}
    for product, models in sorted(_models().items()):
        for name, model in sorted(models.items()):
            schema = {"$schema": DIALECT, **model.model_json_schema()}
            text = json.dumps(schema, ensure_ascii=False, indent=2)
            found[f"{product}.{name}{SUFFIX}"] = f"{text}\n".encode()
    return {**found, OPENAPI: _openapi()}


def _openapi() -> bytes:
    try:
        from fabula.service.app import create_app
        from fabula.service.openapi import openapi_bytes
        from fabula.settings import Settings
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fabula"):
            raise
        raise MissingExtra("fabula schemas", "service") from None
    return openapi_bytes(create_app(Settings.model_construct()))


def _models() -> dict[str, dict[str, Any]]:
    from importlib import import_module

    from fabula.documents import Document
    from fabula.products import PRODUCTS

    by_product: dict[str, dict[str, Any]] = {}
    for product in PRODUCTS.values():
        module = import_module(product.result.__module__)
        documents = [
            one
            for one in vars(module).values()
            if isinstance(one, type) and issubclass(one, Document) and one is not Document
        ]
        outputs = [agent.output for agent in product.agents]
        requests = [change.request for change in product.changes.values()]
        models = [product.brief, product.result, product.flags, *documents, *outputs, *requests]
        by_product[product.name] = {model.__name__: model for model in models}
    return by_product


def _write(out: Path) -> list[str]:
    ready_folder(out)
    made = all_schemas()
    for name, data in made.items():
        (out / name).write_bytes(data)
    return sorted(one.name for one in out.glob(f"*{SUFFIX}") if one.name not in made)
