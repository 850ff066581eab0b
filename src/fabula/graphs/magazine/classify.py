"""classify_template: the angle's template, or the fallback and an event that says why."""

from __future__ import annotations

from fabula.documents import Aliases
from fabula.documents.magazine import TemplateChoice
from fabula.errors import Rejected
from fabula.graphs.magazine.agents import CLASSIFY
from fabula.graphs.magazine.desk import desk
from fabula.graphs.magazine.state import MagazineState
from fabula.graphs.magazine.templates import FALLBACK, TEMPLATE_REGISTRY
from fabula.korean.particles import attach
from fabula.nodes import Node, Services, Update, ask, notice

TITLES = 40


def classify_template(services: Services) -> Node:
    """Ask which template fits; an unknown or a rejected answer falls back to `editorial-deep`."""

    async def variables(state: MagazineState) -> dict[str, object]:
        on = await desk(services, state)
        return {
            "angle": on.brief.angle,
            "titles": [post.title for post in on.sources.posts[:TITLES]],
            "templates": list(TEMPLATE_REGISTRY.values()),
        }

    async def aliases(state: MagazineState) -> Aliases:  # noqa: ARG001 - the same for every state
        return {"template": {id_: id_ for id_ in TEMPLATE_REGISTRY}}

    async def keep(state: MagazineState, choice: TemplateChoice) -> Update:  # noqa: ARG001
        if choice.template_id not in TEMPLATE_REGISTRY:
            return _fallback(f"{attach(f'`{choice.template_id}`', '이라는')} 템플릿이 없습니다")
        return {"template_id": choice.template_id}

    async def otherwise(state: MagazineState, rejected: Rejected) -> Update:  # noqa: ARG001
        return _fallback(rejected.reason)

    return ask(
        CLASSIFY,
        services=services,
        variables=variables,
        aliases=aliases,
        keep=keep,
        otherwise=otherwise,
        item="classify_template",
    )


def _fallback(reason: str) -> Update:
    notice("template_fallback", template_id=FALLBACK, reason=reason)
    return {"template_id": FALLBACK}
