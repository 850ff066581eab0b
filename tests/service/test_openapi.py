from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from fabula.service.app import create_app
from fabula.service.openapi import openapi_bytes
from fabula.settings import Settings

WRITTEN = ("post", "put", "patch")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(openapi_bytes(create_app(Settings.model_construct())))
    return made


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_error_is_described_as_a_problem(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        if "/v1/" not in name:
            continue
        assert "422" not in operation["responses"], name
        described = operation["responses"]["4XX"]["content"]["application/problem+json"]
        assert described["schema"]["$ref"] == "#/components/schemas/Problem"
    assert set(document["components"]["schemas"]["Problem"]["required"]) >= {
        "code",
        "detail",
        "detail_ko",
    }


def test_a_run_is_asked_for_and_shown_by_its_product(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    asked = schemas["MagazineRunRequest"]["properties"]
    assert asked["brief"]["$ref"] == "#/components/schemas/MagazineBrief"
    assert asked["product"]["const"] == "magazine"
    shown = schemas["MagazineRun"]["properties"]["result"]
    assert {"$ref": "#/components/schemas/MagazineResult"} in shown["anyOf"]


async def test_two_products_are_told_apart_by_name(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    body = document["paths"]["/v1/runs"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["discriminator"]["mapping"] == {
        "echo": "#/components/schemas/EchoRunRequest",
        "magazine": "#/components/schemas/MagazineRunRequest",
    }
    assert set(body["examples"]) == {"echo", "magazine"}


async def test_every_example_is_accepted(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    body = document["paths"]["/v1/runs"]["post"]["requestBody"]["content"]["application/json"]
    for name, example in body["examples"].items():
        request = {**example["value"], "after_seconds": 1000}
        assert (await api.post("/v1/runs", json=request)).status_code == 202, name


def test_the_document_holds_no_reference_to_nowhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.partition('"')[0] in document["components"]["schemas"]


def test_what_is_sent_is_closed_to_unknown_fields(document: dict[str, Any]) -> None:
    for name in ("MagazineRunRequest", "MagazineBrief", "ChangeRequest", "Resume", "Decision"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False, name
