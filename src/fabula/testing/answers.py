"""Default answers of the scripted model and the loopback server: what the offline model says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel

from fabula.gateway.provider import ChatRequest, Recipe

if TYPE_CHECKING:
    from fabula.gateway.offline import OfflineModel


def as_text(value: object) -> str:
    """Write an answer as a model would: text as it is, a model or plain JSON as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return json.dumps(value, ensure_ascii=False)


def offline_answer(request: ChatRequest) -> str:
    """Answer as the offline model does, with the products' recipes: same request, same text.

    A request without a schema gets a plain sentence.
    """
    messages = [(message.role, message.content) for message in request.messages]
    asked = request if request.schema else replace(request, schema={"type": "string"})
    text = str(_offline().invoke(messages, request=asked).content)
    return text if request.schema else str(json.loads(text))


def agent_of(schema_name: str) -> str:
    """Find the agent whose schema carries this name; the name itself where no product has it."""
    return _agents().get(schema_name, schema_name)


def warm_up() -> None:
    """Load the offline model and the products now, not at the first question."""
    _offline()


@cache
def _offline() -> OfflineModel:
    from fabula.gateway.offline import OfflineModel
    from fabula.products import PRODUCTS

    recipes: dict[str, Recipe] = {}
    for product in PRODUCTS.values():
        recipes.update(product.recipes())
    return OfflineModel(recipes=recipes, faults=0)


@cache
def _agents() -> Mapping[str, str]:
    from fabula.products import PRODUCTS

    agents = (agent for product in PRODUCTS.values() for agent in product.agents)
    return {agent.name.replace(".", "_"): agent.name for agent in agents}
