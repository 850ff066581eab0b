"""Ask a person, and wait as long as it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypedDict, TypeVar

from pydantic import BaseModel, ValidationError

from fabula.nodes.services import Node, Update

S = TypeVar("S")
A = TypeVar("A", bound=BaseModel)


class Ask(TypedDict, total=False):
    """What a person is asked: the words, the JSON schema of an answer, plain material to look at.

    `complaint` says what was wrong with the last answer.
    """

    name: str
    question: str
    material: Mapping[str, Any]
    schema: Mapping[str, Any]
    complaint: str


def decide(
    name: str,
    answer: type[A],
    *,
    question: Callable[[S], Awaitable[tuple[str, Mapping[str, Any]]]],
    keep: Callable[[S, A], Awaitable[Update]],
) -> Node:
    """Make a node that stops the run until a person has answered, and does nothing else.

    `question` gives the words and the material from the state; it is called again when the
    answer comes, so it only reads. An answer that is no `answer` is asked for once more.
    """

    async def wait(state: Any) -> Update:
        from langgraph.types import interrupt

        words, material = await question(state)
        ask: Ask = {
            "name": name,
            "question": words,
            "material": material,
            "schema": answer.model_json_schema(),
        }
        while True:
            given = interrupt(ask)
            try:
                return await keep(state, answer.model_validate(given))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                ask = {**ask, "complaint": f"{where}: {first['msg']}"}

    return wait
