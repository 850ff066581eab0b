from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from fabula.products import PRODUCTS
from fabula.service.app import create_app
from fabula.service.openapi import openapi_bytes
from fabula.service.typed import view_of_any
from fabula.settings import Settings
from tests.service.conftest import ECHO_RUN

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


def shown(document: dict[str, Any], path: str, kind: str = "application/json") -> list[Any]:
    examples = document["paths"][path]["post"]["requestBody"]["content"][kind]["examples"]
    return [one["value"] for one in examples.values()]


def test_every_body_that_may_be_sent_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for kind, body in operation.get("requestBody", {}).get("content", {}).items():
            assert body.get("examples"), (name, kind)


async def test_the_examples_of_what_is_done_to_a_run_are_of_good_form(
    api: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    later = {**ECHO_RUN, "after_seconds": 1000}
    for value in shown(document, "/v1/runs/{run}/decide"):
        run = (await api.post("/v1/runs", json=later)).json()["run_id"]
        # It asks nothing: what is told is that, and nothing of the body.
        answer = await api.post(f"/v1/runs/{run}/decide", json=value)
        assert (answer.status_code, answer.json()["field"]) == (409, "run")
    for value in shown(document, "/v1/runs/{run}/resume"):
        run = (await api.post("/v1/runs", json=later)).json()["run_id"]
        await api.post(f"/v1/runs/{run}/cancel")
        assert (await api.post(f"/v1/runs/{run}/resume", json=value)).status_code == 202
    (form,) = shown(document, "/v1/files", "multipart/form-data")
    sent = {"file": ("notes.md", form["file"].encode())}
    assert (await api.post("/v1/files", files=sent)).status_code == 201


def test_the_examples_of_changes_are_what_the_changes_take(document: dict[str, Any]) -> None:
    path = document["paths"]["/v1/runs/{run}/changes/{change}"]["post"]
    examples = path["requestBody"]["content"]["application/json"]["examples"]
    changes = PRODUCTS["magazine"].changes
    assert set(examples) == set(changes)
    for name, change in changes.items():
        change.request.model_validate(examples[name]["value"]["request"])


async def test_the_example_of_an_answer_is_one(
    api: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    answer = document["paths"]["/v1/runs"]["post"]["responses"]["202"]
    example = answer["content"]["application/json"]["example"]
    request = {**ECHO_RUN, "after_seconds": 1000}
    made = await api.post("/v1/runs", json=request)
    assert set(example) == set(made.json())
    assert "Location" in answer["headers"]
    TypeAdapter(view_of_any(PRODUCTS)).validate_python(example)


def test_the_document_holds_no_reference_to_nowhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.partition('"')[0] in document["components"]["schemas"]


def test_what_is_sent_is_closed_to_unknown_fields(document: dict[str, Any]) -> None:
    for name in ("MagazineRunRequest", "MagazineBrief", "ChangeRequest", "Resume", "Decision"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False, name
