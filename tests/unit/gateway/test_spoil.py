from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from fabula.documents.base import Strict
from fabula.gateway.provider import Message
from fabula.gateway.spoil import rude, spoil
from fabula.korean.register import violations


class Piece(Strict):
    text: str
    post_ids: list[str]


class Draft(Strict):
    heading: str
    pieces: Annotated[list[Piece], Field(min_length=1)]


POSTS = ["p1", "p2", "p10"]
TEXT = "골목 책방은 여섯 시에 문을 엽니다. 주인은 늘 창가에 있습니다."
ANSWER = {
    "heading": "골목 책방",
    "pieces": [{"text": TEXT, "post_ids": ["p1"]}, {"text": TEXT + " 끝입니다.", "post_ids": []}],
}
BARE = (Message("user", "쓰세요."),)
STRICT = (Message("user", '<plan length="400-900자" register="합니다체">쓰세요</plan>'),)


def schema() -> dict[str, Any]:
    made = Draft.model_json_schema()
    made["$defs"]["Piece"]["properties"]["post_ids"]["items"] = {"type": "string", "enum": POSTS}
    return made


def fault_of(spoilt: Any) -> str:
    if sorted(spoilt) != ["heading", "pieces"]:
        return "field"
    ids = [id_ for piece in spoilt["pieces"] for id_ in piece["post_ids"]]
    if set(ids) - set(POSTS):
        return "id"
    texts = [piece["text"] for piece in spoilt["pieces"]]
    if sum(map(len, texts)) < 40:
        return "short"
    return "register" if any(violations(text, "hamnida") for text in texts) else "none"


@given(st.integers())
def test_every_spoilt_answer_has_a_fault_that_a_gate_can_see(seed: int) -> None:
    assert fault_of(spoil(ANSWER, schema(), STRICT, seed)) != "none"
    assert fault_of(spoil(ANSWER, schema(), BARE, seed)) in ("id", "field")


def test_every_kind_of_fault_comes_up() -> None:
    kinds = {fault_of(spoil(ANSWER, schema(), STRICT, seed)) for seed in range(60)}
    assert kinds == {"id", "field", "register", "short"}


def test_leaves_the_good_answer_alone_and_repeats_itself() -> None:
    before = str(ANSWER)
    assert spoil(ANSWER, schema(), STRICT, 3) == spoil(ANSWER, schema(), STRICT, 3)
    assert str(ANSWER) == before


def test_an_answer_with_no_place_for_a_fault_becomes_null() -> None:
    assert spoil([], {"type": "array", "items": {"type": "string"}}, BARE, 0) is None


@pytest.mark.parametrize(
    ("polite", "turned"),
    [
        ("문을 엽니다.", "문을 여."),
        ("문이 있습니다. 네!", "문이 있어. 네!"),
        ("좋은 책입니다.", "좋은 책이야."),
        ("산책을 합니다.", "산책을 해."),
        ("문이 있어요.", "문이 있어."),
        ("저것은 나무예요.", "저것은 나무야."),
        ("좋은 책이에요.", "좋은 책이야."),
        ("걷는다.", None),
        ("", None),
    ],
)
def test_turns_polite_sentences_to_plain_speech(polite: str, turned: str | None) -> None:
    assert rude(polite) == turned
