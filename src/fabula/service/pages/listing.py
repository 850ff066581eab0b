"""`/runs`: an owner's runs, newest first; `/runs/new`: a form that starts one."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from fabula.documents import Document
from fabula.errors import BadInput, FabulaError
from fabula.products import Product
from fabula.service.asked import PROJECT
from fabula.service.auth import Caller
from fabula.service.cursors import cursor_of, read_cursor
from fabula.service.pages.asking import read_json
from fabula.service.pages.drawing import PageRoute, address_of, go_to, page, pretty
from fabula.service.pages.forms import amount, form_of
from fabula.service.pages.sessions import OWN_PAGE, Visitor
from fabula.service.pages.showing import progress_of
from fabula.service.pages.words import ACTIVE, STATUS
from fabula.service.problems import status_of
from fabula.service.state import Here, Service
from fabula.store.costs import spent_by_run
from fabula.store.listing import Wanted, page_of_runs
from fabula.store.runs import RunStatus
from fabula.store.timeline import last_progress, now

router = APIRouter(prefix="/runs", route_class=PageRoute)
ON_A_PAGE = 50
Chosen = Annotated[str, Query(max_length=128)]
_ONCE = re.compile(r"[0-9a-f]{32}")


@router.get("")
async def list_runs(
    service: Here,
    who: Visitor,
    *,
    status: Chosen = "",
    product: Chosen = "",
    project: Chosen = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    named = {"product": product, "project": project.strip()}
    chosen = {name: value if re.match(PROJECT, value) else "" for name, value in named.items()}
    chosen["status"] = status if status in (*STATUS, "active") else ""
    statuses = ACTIVE if status == "active" else (status,) if status in STATUS else ()
    narrow = (chosen["project"] or None, chosen["product"] or None)
    wanted = Wanted(who.owner, *narrow, None, cast("Sequence[RunStatus]", statuses))
    before = read_cursor(cursor) if cursor else None
    found = await page_of_runs(service.store, wanted, before=before, limit=ON_A_PAGE + 1)
    rows = found[:ON_A_PAGE]
    told = await last_progress(service.store, [row.id for row in rows if row.status != "succeeded"])
    kept = {name: value for name, value in chosen.items() if value}
    following = None
    if len(found) > ON_A_PAGE:
        last = cursor_of(rows[-1].created_at, rows[-1].id)
        following = f"/runs?{urlencode({**kept, 'cursor': last})}"
    return page(
        "runs",
        who=who,
        rows=rows,
        costs=await spent_by_run(service.store, [row.id for row in rows]),
        progress={run: progress_of(event) for run, event in told.items()},
        chosen=chosen,
        narrowed=bool(kept),
        products=sorted(service.products),
        asked_at=await now(service.store),
        newest=f"/runs?{urlencode(kept)}" if cursor else None,
        following=following,
    )


@router.get("/new")
async def ask_for_new(service: Here, who: Visitor, product: Chosen = "") -> Response:
    names = sorted(service.products)
    chosen = product if product in service.products else names[0]
    example = await asyncio.to_thread(_example, service.products[chosen])
    form = {"product": chosen, "brief": pretty(example) if example else "{\n}"}
    return _form(service, who, {**form, "once": secrets.token_hex(16)})


@router.post("/new", dependencies=[OWN_PAGE])
async def start_new(request: Request, service: Here, who: Visitor) -> Response:
    form = await form_of(request)
    try:
        run = await _start(service, who, form)
    except FabulaError as error:
        return _form(service, who, form, error)
    return go_to(address_of(run))


async def _start(service: Service, who: Caller, form: dict[str, str]) -> str:
    made = service.queue.product(form.get("product", ""))
    project = form.get("project", "").strip() or "default"
    if not re.match(PROJECT, project):
        raise BadInput(
            "project",
            f"got `{project[:64]}`, wanted up to 64 letters, digits and . _ -",
            f"`{project[:64]}`: 글자, 숫자와 . _ - 로 64자까지입니다",
        )
    brief = await asyncio.to_thread(_brief, made, form.get("brief", ""))
    once = form.get("once", "")
    flags = read_json(form.get("flags", "").strip() or "{}", field="flags")
    if not isinstance(flags, dict):
        raise BadInput("flags", "is no JSON object", "JSON 객체여야 합니다")
    asked: dict[str, Any] = {
        "flags": flags,
        "profile": form.get("profile", "").strip() or None,
        "budget": amount(form, "budget"),
        "project": project,
    }
    run, _ = await service.queue.submit(
        made.name,
        brief,
        **asked,
        owner=who.owner,
        queue="interactive",
        outside=True,
        # The form's own number: sent twice, it starts one run.
        idempotency_key=f"page-{once}" if _ONCE.fullmatch(once) else None,
        request={**asked, "product": made.name, "brief": brief.model_dump(mode="json")},
    )
    return run


def _brief(made: Product, text: str) -> Document:
    given = read_json(text, field="brief")
    if not isinstance(given, dict):
        raise BadInput("brief", "is no JSON object", "JSON 객체여야 합니다")
    return made.read_brief(given)


def _example(made: Product) -> Mapping[str, Any] | None:
    return made.example() if made.example else None


def _form(
    service: Service, who: Caller, form: Mapping[str, str], error: FabulaError | None = None
) -> Response:
    return page(
        "new",
        status_of(error) if error else 200,
        who=who,
        form=form,
        wrong=error,
        products=sorted(service.products),
        profile=service.settings.profile,
    )
