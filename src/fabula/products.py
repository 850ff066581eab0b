"""The catalogue of products: what each takes, gives, asks, and how its graph is built."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from fabula.briefs import load_brief, read_brief
from fabula.documents import Document
from fabula.documents.magazine import MagazineBrief, MagazineResult
from fabula.errors import BadInput
from fabula.gateway.agent import Agent
from fabula.gateway.forecast import ExpectedCall
from fabula.gateway.provider import Recipe
from fabula.graphs.magazine.agents import AGENTS as MAGAZINE_AGENTS
from fabula.graphs.magazine.agents import asked as magazine_asked
from fabula.graphs.magazine.flags import ALIASES as MAGAZINE_FLAG_ALIASES
from fabula.graphs.magazine.flags import MagazineFlags
from fabula.graphs.magazine.flags import limits as magazine_limits
from fabula.graphs.magazine.flags import settle as settle_magazine
from fabula.graphs.magazine.offered import CHANGES as MAGAZINE_CHANGES
from fabula.graphs.magazine.offered import RECORDED as MAGAZINE_RECORDED
from fabula.korean.particles import attach
from fabula.nodes import Change, Replacements
from fabula.nodes.services import Services, refusing_services


@dataclass(frozen=True)
class Product:
    """A product: its typed edges and the functions that make it run."""

    name: str
    brief: type[Document]
    result: type[Document]
    flags: type[BaseModel]
    build: Callable[..., Any]
    """`(services, flags, *, replace) -> StateGraph`; langgraph is loaded when it is called."""
    agents: tuple[Agent[Any], ...]
    """Every agent that any of its graphs may ask."""
    limits: Callable[[Any], Mapping[str, int]]
    """From flags: how many calls of a step are in flight at most."""
    recipes: Callable[[], Mapping[str, Recipe]]
    """The offline model's recipes by agent name, loaded when asked for."""
    fingerprint: Callable[[Any], object]
    """From a brief: the plain JSON that seeds the offline model, free of machine paths."""
    allowance: int = 4
    """Paid calls that one item may cost at most, re-asks and rewrites together."""
    flag_aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For a flag, further names of environment variables that set it."""
    asked: Callable[[Any], tuple[Agent[Any], ...]] | None = None
    """From flags: the agents that such a run may ask, whose models need a key; None: all."""
    settle: Callable[[Any, Any], tuple[Any, Mapping[str, Any]]] | None = None
    """From merged flags and a brief: the flags with what nobody named decided by the brief, and
    for the run's first event why, as plain JSON."""
    in_parts: bool = False
    """Its graph does one part an invocation, the one whose number is the state's `part`, and
    leaves `more` true while there is another."""
    parts: Callable[[Any], int | None] | None = None
    """From a brief: how many parts a run of it has; None where only the run itself finds out."""
    changes: Mapping[str, Change[Any]] = field(default_factory=dict)
    """What can be changed about a finished run, by name."""
    recorded: Mapping[str, Mapping[str, type[Document]]] = field(default_factory=dict)
    """For a node that reads files or the web, the kind of document that each state key names: a
    replay takes the recorded one."""
    answers: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    """For a question to a person, by its name, what an answer must be."""
    forecast: Callable[[Any, Any], Awaitable[Sequence[ExpectedCall]]] | None = None
    """From brief and flags: the calls that a run may make. It reads files and asks nobody."""
    publishes: tuple[str, ...] = ()
    """The names of files that every result publishes, and its folders, with a slash behind."""
    example: Callable[[], Mapping[str, Any]] | None = None
    """A brief as plain JSON that runs as it is on any machine."""
    beside: Callable[[Any], Mapping[str, Sequence[Path]]] | None = None
    """From a brief: for a file that it names and whose folder matters, the files of that folder
    that belong to it, so that all of them can be sent to another machine. It reads files."""

    def check(self, flags: BaseModel, replace: Replacements, change: str | None = None) -> None:
        """Build the graph once for nothing: BadInput for a node name that it does not have.

        It loads what the graph needs, so that a run's lease does not tick while it loads.
        """
        self.graph(refusing_services(), flags, replace, change)

    def graph(
        self, services: Services, flags: BaseModel, replace: Replacements, change: str | None
    ) -> Any:
        """Build the product's graph, or that of a change to a finished run."""
        build = self.change(change).build if change else self.build
        return build(services, flags, replace=replace)

    def change(self, name: str) -> Change[Any]:
        """Return the change of that name; BadInput lists the names."""
        if name not in self.changes:
            listed = ", ".join(self.changes) or "none"
            raise BadInput(
                "change",
                f"{self.name} has no change `{name}`; its changes: {listed}",
                f"{self.name}에는 {attach(f'`{name}`', '이라는')} 변경이 없습니다. "
                f"있는 것: {listed}",
            )
        return self.changes[name]

    def mermaid(self, flags: BaseModel) -> str:
        """Draw the graph."""
        graph = self.build(refusing_services(), flags).compile()
        return str(graph.get_graph().draw_mermaid())

    def load_brief(self, path: Path) -> Document:
        """Read the product's brief from a YAML or JSON file; BadInput names the field."""
        return load_brief(path, self.brief)

    def read_brief(self, given: object, *, folder: Path | None = None) -> Document:
        """Validate a brief that is already plain data; BadInput names the field."""
        return read_brief(given, self.brief, folder=folder)

    def agents_of(self, flags: BaseModel, change: str | None = None) -> tuple[Agent[Any], ...]:
        """Return the agents that a run with these flags, or a change of one, may ask."""
        if change:
            return self.change(change).agents
        return self.asked(flags) if self.asked else self.agents

    def agent(self, name: str) -> Agent[Any]:
        """Return the agent of that name; LookupError when the product has none."""
        for agent in self.agents:
            if agent.name == name:
                return agent
        raise LookupError(f"{self.name} has no agent `{name}`")


def _example(product: str) -> Mapping[str, Any]:
    path = Path(__file__).parent / "templates" / f"{product}_example.json"
    brief: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return brief


def _late(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _build_magazine(*args: Any, **kwargs: Any) -> Any:
    return _late("fabula.graphs.magazine.graph", "build")(*args, **kwargs)


def _magazine_recipes() -> Mapping[str, Recipe]:
    recipes: Mapping[str, Recipe] = _late("fabula.graphs.magazine.offline", "RECIPES")
    return recipes


async def _magazine_forecast(brief: Any, flags: Any) -> Sequence[ExpectedCall]:
    calls: Sequence[ExpectedCall] = await _late("fabula.graphs.magazine.forecast", "forecast")(
        brief, flags
    )
    return calls


def _magazine_beside(brief: MagazineBrief) -> Mapping[str, Sequence[Path]]:
    found: Mapping[str, Sequence[Path]] = _late("fabula.graphs.magazine.beside", "beside")(brief)
    return found


def _magazine_fingerprint(brief: MagazineBrief) -> object:
    # Paths differ between machines and between doors; what they name does not.
    return brief.model_dump(mode="json", exclude={"sources": True, "posts": {"__all__": {"image"}}})


def _settle_magazine(
    flags: MagazineFlags, brief: MagazineBrief
) -> tuple[MagazineFlags, Mapping[str, Any]]:
    return settle_magazine(flags, _magazine_fingerprint(brief))


PRODUCTS: Mapping[str, Product] = MappingProxyType(
    {
        "magazine": Product(
            name="magazine",
            brief=MagazineBrief,
            result=MagazineResult,
            flags=MagazineFlags,
            build=_build_magazine,
            agents=MAGAZINE_AGENTS,
            limits=magazine_limits,
            recipes=_magazine_recipes,
            fingerprint=_magazine_fingerprint,
            flag_aliases=MAGAZINE_FLAG_ALIASES,
            asked=magazine_asked,
            settle=_settle_magazine,
            changes=MAGAZINE_CHANGES,
            recorded=MAGAZINE_RECORDED,
            forecast=_magazine_forecast,
            publishes=("index.html", "layout.json", "thumbnail.png", "pictures/"),
            example=partial(_example, "magazine"),
            beside=_magazine_beside,
        ),
    }
)


def product(name: str) -> Product:
    """Return the product of that name; BadInput lists the names."""
    if name not in PRODUCTS:
        listed = ", ".join(PRODUCTS)
        raise BadInput(
            "product",
            f"`{name}` is no product; products: {listed}",
            f"{attach(f'`{name}`', '이라는')} 제품은 없습니다. 있는 제품: {listed}",
        )
    return PRODUCTS[name]
