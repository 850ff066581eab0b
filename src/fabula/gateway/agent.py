"""An agent: a named model task with a prompt file and a typed output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from fabula.documents import Aliases
from fabula.errors import Rejected

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Agent(Generic[T]):
    """A model task; the model itself is pinned by name in the agent model map.

    `prompt` names a file under `prompts/`, or anywhere by its absolute path, without `.md`;
    `output` has no defaults.
    """

    name: str
    prompt: str
    output: type[T]


class Agents(Protocol):
    """The only way from a graph to a model, bound to one run."""

    async def call(
        self,
        agent: Agent[T],
        variables: Mapping[str, object],
        *,
        item: str,
        attempt: int = 0,
        aliases: Aliases | None = None,
        bounds: Mapping[str, tuple[int, int]] | None = None,
        temperature: float | None = None,
    ) -> T | Rejected:
        """Ask, pay at most once for each question, validate; return the output or `Rejected`.

        `item` is `<verb>/<item>` or the step's name: it carries the allowance of paid calls and
        its verb names the concurrency limit. `attempt` is the item's counter from the state.
        `aliases` are the ids that this call may cite. `bounds` narrows the length of the named
        top-level array fields for this call, as (least, most) items. `temperature` stands in for
        the pinned model's own and makes it another question.
        Raises a `Stop` where the run cannot go on (budget, key, provider).
        """
        ...
