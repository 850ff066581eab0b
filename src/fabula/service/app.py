"""Put the application together and open what it stands on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import Depends, FastAPI

from fabula import __version__
from fabula.gateway.faults import Hook, no_hook
from fabula.gateway.provider import ChatProvider
from fabula.products import PRODUCTS, Product
from fabula.runs import Runner
from fabula.runs.execution import Setup
from fabula.runs.metrics import both
from fabula.runs.queue.leaving import end_tasks
from fabula.runs.queue.nudging import hear
from fabula.runs.queue.pool import LocalBell, Pool
from fabula.runs.queue.queueing import Bell, RunQueue, warm_up
from fabula.runs.queue.ringing import open_bell
from fabula.runs.webhooks import Webhooks
from fabula.service import (
    artifacts,
    catalogue,
    changing,
    control,
    deliveries,
    files,
    health,
    metrics,
    money,
    pages,
    runs,
    starting,
    stream,
)
from fabula.service.auth import Gate
from fabula.service.bodies import BodyLimit, sound_body
from fabula.service.hub import Hub
from fabula.service.openapi import describe
from fabula.service.problems import answer_errors
from fabula.service.queries import known_queries
from fabula.service.state import Service
from fabula.settings import Settings
from fabula.store.engine import Store

LIMITED_ELSEWHERE = ("/v1/files",)
"""Paths whose routes limit their bodies themselves."""


def create_app(
    settings: Settings | None = None,
    *,
    products: Mapping[str, Product] | None = None,
    providers: Mapping[str, ChatProvider] | None = None,
    hook: Hook | None = None,
) -> FastAPI:
    """Make the application; its lifespan opens the store and executes runs where no Redis is set.

    `products` are further products by name; `providers` and `hook` are as `Runner` takes them.
    """
    chosen = settings or Settings.load()
    offered = {**PRODUCTS, **(products or {})}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = _opened(chosen, offered, providers or {}, hook or no_hook, counted)
        async with opened as service:
            app.state.service = service
            yield

    counted = metrics.ServiceMetrics()
    app = FastAPI(title="fabula", version=__version__, lifespan=lifespan)
    app.state.metrics = counted
    answer_errors(app)
    describe(app, offered)
    app.add_middleware(BodyLimit, most=chosen.max_body_bytes, elsewhere=LIMITED_ELSEWHERE)
    app.add_middleware(metrics.CountRequests, metrics=counted)
    made = [room.routes(offered) for room in (catalogue, starting, runs, changing, money)]
    rooms = (stream, control, artifacts, files, deliveries, health, metrics)
    fixed = [room.router for room in rooms]
    for router in (*made, *fixed):
        app.include_router(router, dependencies=[Depends(known_queries), Depends(sound_body)])
    app.include_router(pages.router)
    return app


@asynccontextmanager
async def _opened(
    settings: Settings,
    products: Mapping[str, Product],
    providers: Mapping[str, ChatProvider],
    hook: Hook,
    counted: metrics.ServiceMetrics,
) -> AsyncIterator[Service]:
    """Open the parts, each of which is closed after those that stand on it."""
    async with AsyncExitStack() as stack:
        store = await Store.open(settings)
        stack.push_async_callback(store.close)
        gate, hub = Gate(settings, store), Hub(store)
        sender = Webhooks(settings, store, observe=counted.webhook)
        stack.push_async_callback(gate.close)
        await gate.open()
        stack.push_async_callback(sender.close)
        sender.start()
        stack.push_async_callback(hub.close)
        hub.start()
        pool: Pool | None = None
        if settings.redis_url is None:
            await warm_up(products)
            pool = Pool(
                Setup(settings, store, hook, providers, None),
                products=products,
                listener=both(hub.tell, counted.event),
                on_end=both(lambda claimed, _: hub.nudge(claimed.row.id), counted.end),
            )
            stack.push_async_callback(pool.close)
            pool.start()
        else:
            stack.push_async_callback(end_tasks, asyncio.create_task(hear(settings, hub.nudge)))
        bell: Bell = await stack.enter_async_context(open_bell(settings))
        stack.callback(hub.drain)
        yield Service(
            settings=settings,
            products=products,
            store=store,
            queue=RunQueue(settings, store, LocalBell(pool) if pool else bell, products=products),
            runner=Runner(settings, products=products, providers=providers, hook=hook, store=store),
            pool=pool,
            gate=gate,
            hub=hub,
        )
