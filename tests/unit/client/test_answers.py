"""The client's answers and the service's own: neither has a field that the other lacks."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest
from pydantic import BaseModel

from fabula.client import answers
from fabula.documents.magazine import MagazineResult
from fabula.runs import estimate
from fabula.service import artifacts, catalogue, changing, files, money, runs, views
from fabula.store.runs import RunStatus
from fabula.store.tables import LOCAL

PAIRS: list[tuple[type[BaseModel], type[BaseModel]]] = [
    (answers.Message, views.Message),
    (answers.RunSummary, views.RunSummary),
    (answers.Run, views.RunView),
    (answers.Artifact, views.ArtifactView),
    (answers.Progress, views.Progress),
    (answers.Steps, views.Steps),
    (answers.Links, views.Links),
    (answers.ArtifactList, artifacts.ArtifactList),
    (answers.ProductInfo, catalogue.ProductView),
    (answers.ProductList, catalogue.ProductList),
    (answers.ChangePlan, changing.ChangePlanView),
    (answers.AgentCost, money.AgentCost),
    (answers.Expected, money.Expected),
    (answers.CostReport, money.CostReport),
    (answers.UploadedFile, files.FileView),
    (answers.RunPage, runs.RunPage),
    (answers.FilePage, files.FilePage),
]


def named(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(("mine", "theirs"), PAIRS, ids=lambda one: one.__name__)
def test_the_same_fields_are_on_both_ends(mine: type[BaseModel], theirs: type[BaseModel]) -> None:
    assert named(mine) == set(theirs.model_fields)


def test_estimates_and_statuses_are_the_same_too() -> None:
    assert set(answers.Estimate.model_fields) == {one.name for one in fields(estimate.Estimate)}
    assert set(answers.EstimateLine.model_fields) == {one.name for one in fields(estimate.Line)}
    assert set(get_args(answers.Status)) == set(get_args(RunStatus))


def test_what_a_newer_service_adds_is_passed_over() -> None:
    progress = answers.Progress.model_validate({"done": 1, "total": 2, "colour": "red"})
    assert (progress.done, progress.eta_s) == (1, None)


def run(**given: object) -> answers.Run:
    links = dict.fromkeys(answers.Links.model_fields, "/v1")
    at = "2026-03-01T00:00:00Z"
    known = {"run_id": "r", "product": "magazine", "project": "p", "door": "http", "profile": LOCAL}
    return answers.Run.model_validate(
        {**known, "status": "succeeded", "created_at": at, "links": links, **given}
    )


def test_a_result_is_read_as_the_products_document() -> None:
    result = {
        "schema_version": 1,
        "layout": "MagazineLayout:0",
        "status": "complete",
        "title": "가을",
        "location": "r",
    }
    assert run(result=result).document(MagazineResult).title == "가을"
    with pytest.raises(LookupError):
        run(status="failed").document(MagazineResult)
