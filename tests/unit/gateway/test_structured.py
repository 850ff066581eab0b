from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import Field

from fabula.documents import Ref, Strict
from fabula.gateway.structured import (
    MAX_ENUM,
    BadAnswer,
    BlockedAnswer,
    NothingToCite,
    narrow,
    parse,
)

PostRef = Annotated[str, Ref("post")]


class Part(Strict):
    text: str
    posts: tuple[PostRef, ...]


class Output(Strict):
    best: PostRef
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]


class Free(Strict):
    text: str
    posts: tuple[PostRef, ...]


class WithDefault(Strict):
    text: str = ""


ALIASES = {"post": {"p1": "책방", "p2": "식당"}}
GOOD: dict[str, Any] = {"best": "p2", "parts": [{"text": "가", "posts": ["p1", "p2"]}]}


def read(value: Any, **options: Any) -> Output:
    text = value if isinstance(value, str) else json.dumps(value)
    given = {"finish_reason": "stop", "aliases": ALIASES, "bounds": {}, **options}
    return parse(
        text, given["finish_reason"], Output, aliases=given["aliases"], bounds=given["bounds"]
    )


def test_references_become_enums_of_what_may_be_cited() -> None:
    schema = narrow(Output, ALIASES, {})
    assert schema["properties"]["best"] == {"type": "string", "enum": ["p1", "p2"]}
    assert schema["$defs"]["Part"]["properties"]["posts"]["items"]["enum"] == ["p1", "p2"]
    assert "x-ref" not in json.dumps(schema)


def test_every_object_is_closed_and_complete() -> None:
    schema = narrow(Output, ALIASES, {})
    for part in (schema, schema["$defs"]["Part"]):
        assert part["additionalProperties"] is False
        assert sorted(part["required"]) == sorted(part["properties"])


def test_bounds_are_in_the_schema_and_in_the_parser() -> None:
    assert narrow(Output, ALIASES, {"parts": (2, 3)})["properties"]["parts"]["minItems"] == 2
    with pytest.raises(BadAnswer, match="parts: 1개"):
        read(GOOD, bounds={"parts": (2, 3)})


def test_nothing_to_cite_empties_arrays_and_refuses_scalars() -> None:
    assert narrow(Free, {}, {})["properties"]["posts"]["maxItems"] == 0
    with pytest.raises(NothingToCite, match="best"):
        narrow(Output, {"post": {}}, {})


def test_a_very_large_enum_is_left_out_but_still_refused() -> None:
    many = {"post": {f"p{n}": str(n) for n in range(MAX_ENUM + 1)}}
    assert narrow(Output, many, {})["properties"]["best"] == {"type": "string"}
    with pytest.raises(BadAnswer, match="p999"):
        read({**GOOD, "best": "p999"}, aliases=many)


def test_aliases_are_resolved_to_ids() -> None:
    output = read(GOOD)
    assert output.best == "식당"
    assert output.parts[0].posts == ("책방", "식당")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{", "JSON"),
        ('```json\n{"best": "p1"}\n```', "JSON"),
        ('{"best": NaN}', "parts"),
        ([], "전체"),
        ({**GOOD, "best": "p9"}, "p9"),
        ({**GOOD, "extra": 1}, "extra"),
        ({"best": "p1"}, "parts"),
        ({**GOOD, "best": 1}, "best"),
        ({**GOOD, "parts": []}, "parts"),
        ({**GOOD, "parts": [{"text": 5, "posts": []}]}, "parts.0.text"),
    ],
)
def test_a_bad_answer_says_where_and_why(value: Any, reason: str) -> None:
    with pytest.raises(BadAnswer, match=reason):
        read(value)


@pytest.mark.parametrize("finish_reason", ["length", "refusal", "unknown"])
def test_an_answer_that_was_cut_short_is_refused_though_it_parses(finish_reason: str) -> None:
    with pytest.raises(BadAnswer, match=finish_reason) as caught:
        read(GOOD, finish_reason=finish_reason)
    assert not isinstance(caught.value, BlockedAnswer)


@pytest.mark.parametrize("finish_reason", ["content_filter", "safety", "recitation"])
def test_an_answer_that_a_filter_stopped_is_told_apart(finish_reason: str) -> None:
    with pytest.raises(BlockedAnswer, match=finish_reason):
        read(GOOD, finish_reason=finish_reason)


def test_an_output_with_defaults_is_a_bug() -> None:
    with pytest.raises(TypeError, match="WithDefault"):
        narrow(WithDefault, {}, {})


def test_without_a_context_nothing_is_checked() -> None:
    assert Output.model_validate(GOOD).best == "p2"
