from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from fabula.gateway.filler import NeedsRecipe, Noun, fill, material_of, nouns_in
from fabula.gateway.provider import Message

PROMPT = (
    Message("system", "비밀을 지키는 편집자입니다."),
    Message(
        "user", "<post><text>골목에서 책방을 찾고 커피를 마셨다 &amp; 등대를 그렸다.</text></post>"
    ),
)
TYPES: Mapping[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def accepts(part: Mapping[str, Any], value: Any, defs: Mapping[str, Any]) -> bool:  # noqa: PLR0911
    if "$ref" in part:
        return accepts(defs[part["$ref"].rsplit("/", 1)[-1]], value, defs)
    if "anyOf" in part:
        return any(accepts(one, value, defs) for one in part["anyOf"])
    if "const" in part:
        return bool(value == part["const"])
    if "enum" in part:
        return value in part["enum"]
    kind = part["type"]
    fits: bool = isinstance(value, TYPES[kind])
    if not fits or (isinstance(value, bool) and kind != "boolean"):
        return False
    if kind == "object":
        return sorted(value) == sorted(part["properties"]) and all(
            accepts(part["properties"][name], inner, defs) for name, inner in value.items()
        )
    size = len(value) if kind in ("array", "string") else value
    low = part.get("minItems", part.get("minLength", part.get("minimum")))
    high = part.get("maxItems", part.get("maxLength", part.get("maximum")))
    if (low is not None and size < low) or (high is not None and size > high):
        return False
    if kind == "array":
        return all(accepts(part["items"], inner, defs) for inner in value)
    return True


@st.composite
def bounded(draw: st.DrawFn, kind: str, low: str, high: str) -> dict[str, Any]:
    part: dict[str, Any] = {"type": kind}
    least = draw(st.none() | st.integers(0, 6))
    span = draw(st.none() | st.integers(0, 40))
    if least is not None:
        part[low] = least
    if span is not None:
        part[high] = (least or 0) + span
    return part


def arrays(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda part, items: {**part, "items": items},
        bounded("array", "minItems", "maxItems"),
        inner,
    )


def objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(["title", "text", "reason", "items", "score", "heading"])
    return st.dictionaries(names, inner, max_size=4).map(
        lambda fields: {"type": "object", "properties": fields, "required": list(fields)}
    )


LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    bounded("string", "minLength", "maxLength"),
    bounded("integer", "minimum", "maximum"),
    bounded("number", "minimum", "maximum"),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": "고정"}]),
    st.lists(st.sampled_from(["p1", "p2", "책방", 3]), min_size=1, max_size=4).map(
        lambda offered: {"enum": offered}
    ),
    st.just({"$ref": "#/$defs/Note"}),
)
DEFS = {
    "Note": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
}
SCHEMAS = objects(
    st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            arrays(inner),
            objects(inner),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts}),
        ),
        max_leaves=8,
    )
)


@given(SCHEMAS, st.integers())
def test_fills_every_supported_schema(schema: dict[str, Any], seed: int) -> None:
    value = fill(PROMPT, {**schema, "$defs": DEFS}, seed)
    assert accepts(schema, value, DEFS)


@given(SCHEMAS, st.integers())
def test_the_same_seed_gives_the_same_value(schema: dict[str, Any], seed: int) -> None:
    whole = {**schema, "$defs": DEFS}
    assert fill(PROMPT, whole, seed) == fill(PROMPT, whole, seed)


class Tree(BaseModel):
    name: str
    kind: Literal["leaf", "twig"]
    score: Annotated[float, Field(gt=0, lt=1)]
    at_most: Annotated[int, Field(multiple_of=5, ge=7, le=33)]
    pair: tuple[int, str]
    kinds: Annotated[frozenset[Literal["a", "b", "c"]], Field(min_length=2)]
    words: Annotated[set[str], Field(min_length=3, max_length=3)]
    children: list[Tree]
    parent: Tree | None


@given(st.integers())
def test_fills_what_pydantic_makes_of_a_recursive_model(seed: int) -> None:
    Tree.model_validate(fill(PROMPT, Tree.model_json_schema(), seed))


def test_different_seeds_write_differently() -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    assert len({str(fill(PROMPT, schema, seed)) for seed in range(20)}) > 10


def test_writes_with_the_words_of_the_prompt_and_not_of_a_complaint() -> None:
    text = str(fill(PROMPT, {"type": "string", "minLength": 400}, 1))
    assert any(noun in text for noun in ("책방", "커피", "등대"))
    assert "편집자" not in text
    assert "비밀" not in text
    assert "실수" not in text


def test_writes_in_the_register_that_the_prompt_names() -> None:
    prompt = (Message("user", '<plan register="해요체">책방을 소개</plan>'),)
    text = str(fill(prompt, {"type": "string", "minLength": 60}, 3))
    assert all(end.endswith("요") for end in text.rstrip(".").split(". "))
    assert material_of(PROMPT).register == "합니다체"


def test_writes_without_any_word_to_write_with() -> None:
    for content in ("", "🎈🎈", "Only English here.", "<post></post>"):
        assert fill((Message("user", content),), {"type": "string"}, 0)
    assert fill((), {"type": "string"}, 0)


def test_finds_nouns_by_their_particles_and_no_verbs() -> None:
    assert nouns_in("작은 책방을 지나 바다를 보며 걷는 동안 골목에서 쉬었다.") == (
        Noun("책방"),
        Noun("바다"),
        Noun("골목"),
    )


def test_a_noun_takes_its_particle() -> None:
    assert f"{Noun('책방'):은/는} {Noun('바다'):을/를} {Noun('골목')}" == "책방은 바다를 골목"


def test_refuses_what_only_a_recipe_can_write() -> None:
    with pytest.raises(NeedsRecipe, match="recipe"):
        fill(PROMPT, {"type": "string", "pattern": "^[0-9]+$"}, 0)
    endless = {"$defs": {"A": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/A"}}}}
    with pytest.raises(NeedsRecipe, match="without end"):
        fill(PROMPT, {"$ref": "#/$defs/A", **endless}, 0)
