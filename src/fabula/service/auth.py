"""Who is calling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from fabula.store.tables import LOCAL


@dataclass(frozen=True)
class Caller:
    """The account that a request acts for; `key` is the API key's id, None where none is needed."""

    owner: str
    key: str | None


async def caller(request: Request) -> Caller:  # noqa: ARG001 - the headers say who calls
    """Return who calls: everybody is the local account where there is no key."""
    return Caller(LOCAL, None)


Who = Annotated[Caller, Depends(caller)]
