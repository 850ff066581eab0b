"""A question's schema as a form, and the form as an answer that the schema's model takes."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from fabula.errors import BadInput
from fabula.service.pages.asking import answer_of, fields_of


class Tone(Enum):
    CALM = "calm"
    LOUD = "loud"


class Answer(BaseModel):
    pick: Literal["a", "b"]
    number: Literal[1, 2] = 1
    tone: Tone = Tone.CALM
    title: str = Field(max_length=80)
    words: str | None = None
    copies: int = 3
    ratio: float | None = None
    sure: bool = False
    tags: list[str] = []


SCHEMA = Answer.model_json_schema()
FILLED = {
    "answer.pick": '"b"',
    "answer.number": "2",
    "answer.tone": '"loud"',
    "answer.title": "가을",
    "answer.words": "한 줄\r\n두 줄",
    "answer.copies": "7",
    "answer.ratio": "0.5",
    "answer.sure": "true",
    "answer.tags": '["x", "y"]',
}


def test_each_type_has_its_kind_of_field() -> None:
    kinds = {field.name: (field.kind, field.required) for field in fields_of(SCHEMA)}
    assert kinds == {
        "pick": ("choice", True),
        "number": ("choice", False),
        "tone": ("choice", False),
        "title": ("text", True),
        "words": ("long", False),
        "copies": ("integer", False),
        "ratio": ("number", False),
        "sure": ("yes", False),
        "tags": ("json", False),
    }
    values = {field.name: field.value for field in fields_of(SCHEMA)}
    assert (values["copies"], values["number"], values["sure"]) == ("3", "1", "false")


def test_a_filled_form_is_an_answer() -> None:
    answer = Answer.model_validate(answer_of(FILLED, SCHEMA))
    assert answer == Answer(
        pick="b",
        number=2,
        tone=Tone.LOUD,
        title="가을",
        words="한 줄\n두 줄",
        copies=7,
        ratio=0.5,
        sure=True,
        tags=["x", "y"],
    )


def test_what_is_left_empty_is_left_out() -> None:
    given = {"answer.pick": '"a"', "answer.title": "", "answer.copies": " "}
    assert answer_of(given, SCHEMA) == {"pick": "a", "title": "", "sure": False}


@pytest.mark.parametrize(
    ("name", "given"),
    [("copies", "셋"), ("ratio", "inf"), ("ratio", "nan"), ("tags", "[1,"), ("pick", "NaN")],
)
def test_what_cannot_be_read_is_named(name: str, given: str) -> None:
    with pytest.raises(BadInput) as refused:
        answer_of({**FILLED, f"answer.{name}": given}, SCHEMA)
    assert refused.value.field == name


@pytest.mark.parametrize("schema", [{}, {"type": "object"}])
def test_a_question_without_properties_takes_plain_json(schema: dict[str, Any]) -> None:
    assert answer_of({"answer": '{"any": 1}'}, schema) == {"any": 1}
    for wrong in ("", "[]", '"text"'):
        with pytest.raises(BadInput) as refused:
            answer_of({"answer": wrong}, schema)
        assert refused.value.field == "answer"
