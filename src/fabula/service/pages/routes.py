"""All pages in one router; none of them is part of the API's document."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from fabula.errors import Unauthorized
from fabula.service.auth import gate_of
from fabula.service.pages import costs, listing, run
from fabula.service.pages.drawing import STATIC, PageRoute, go_to, page, static
from fabula.service.pages.forms import form_of, inside
from fabula.service.pages.sessions import OWN_PAGE, log_in, log_out
from fabula.service.state import Here

router = APIRouter(include_in_schema=False, route_class=PageRoute)
for room in (listing, run, costs):
    router.include_router(room.router)


@router.get("/")
async def index() -> Response:
    return go_to("/runs")


@router.get("/static/{name}")
async def static_file(name: Annotated[str, Path(max_length=40)]) -> Response:
    if name not in STATIC:
        return Response(status_code=404)
    data, version = static(name)
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "ETag": f'"{version}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, headers=headers, media_type=f"{STATIC[name]}; charset=utf-8")


@router.get("/login")
async def show_login(request: Request, next: str = "/runs") -> Response:  # noqa: A002 - in the URL
    if not await gate_of(request).keys.in_use():
        return go_to(inside(next))
    return page("login", next=inside(next), wrong=None)


@router.post("/login", dependencies=[OWN_PAGE])
async def do_login(request: Request, service: Here) -> Response:
    form = await form_of(request)
    answer = go_to(inside(form.get("next", "")))
    try:
        await log_in(service.gate, service.store, form.get("key", "").strip(), request, answer)
    except Unauthorized as error:
        return page("login", 401, next=inside(form.get("next", "")), wrong=error)
    return answer


@router.post("/logout", dependencies=[OWN_PAGE])
async def do_logout(request: Request) -> Response:
    answer = go_to("/login")
    log_out(request, answer)
    return answer
