"""The clients: a blocking and an asynchronous one, which take the steps of the same flows."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import ExitStack, aclosing, closing
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from fabula.client.answers import Artifact, RunEvent, RunSummary, UploadedFile
from fabula.client.connecting import Connecting
from fabula.client.exchange import LOST, Ask, Flow, Pause, Work, away, exchange
from fabula.client.following import Following
from fabula.client.operations import Operations, run_path
from fabula.client.saving import Saving, places_in, saving_file, saving_zip, wanted_of

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    flow: Callable[Concatenate[Operations, P], Flow[T]],
) -> Callable[Concatenate[Client, P], T]:
    @wraps(flow)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._do(flow(self._operations, *args, **kwargs))

    _sign(call)
    return call


def _awaited(
    flow: Callable[Concatenate[Operations, P], Flow[T]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    @wraps(flow)
    async def call(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._do(flow(self._operations, *args, **kwargs))

    _sign(call)
    return call


def _sign(call: Callable[..., Any]) -> None:
    """Let `help` show what a call returns, and not the flow that it takes the steps of."""
    signature = inspect.signature(call)
    returned = str(signature.return_annotation).removeprefix("Flow[").removesuffix("]")
    vars(call)["__signature__"] = signature.replace(return_annotation=returned)
    call.__annotations__ = {**call.__annotations__, "return": returned}


class Client(Connecting):
    """A blocking client of a fabula service; close it, or use it as a context manager."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._http = httpx.Client(**self._options())

    products = _blocking(Operations.products)
    product = _blocking(Operations.product)
    submit = _blocking(Operations.submit)
    get = _blocking(Operations.get)
    wait = _blocking(Operations.wait)
    cancel = _blocking(Operations.cancel)
    resume = _blocking(Operations.resume)
    decide = _blocking(Operations.decide)
    change = _blocking(Operations.change)
    plan_change = _blocking(Operations.plan_change)
    artifacts = _blocking(Operations.artifacts)
    cost = _blocking(Operations.cost)
    estimate = _blocking(Operations.estimate)
    upload = _blocking(Operations.upload)
    place = _blocking(Operations.place)
    delete_file = _blocking(Operations.delete_file)

    def runs(self, **filters: Any) -> Generator[RunSummary, None, None]:
        """Yield runs, newest first; filters: `project`, `product`, `status`, `thread`."""
        cursor: str | None = None
        while True:
            page = self._do(self._operations.page_of_runs(**filters, cursor=cursor))
            yield from page.items
            if (cursor := page.next) is None:
                return

    def files(self) -> Generator[UploadedFile, None, None]:
        """Yield the uploaded files, newest first."""
        cursor: str | None = None
        while True:
            page = self._do(self._operations.page_of_files(cursor=cursor))
            yield from page.items
            if (cursor := page.next) is None:
                return

    def events(self, run: str, *, after: int = 0) -> Generator[RunEvent, None, None]:
        """Yield a run's events after a number as they happen, each once, up to its `end`.

        A connection that breaks is made anew behind the last one. Leaving stops nothing. A run
        that waits for a person has not ended: `wait` is what returns then.
        """
        following = Following(run_path(run), self._retry, after=after)
        while True:
            with closing(self._do(following.attach())) as response:
                try:
                    for chunk in response.iter_bytes():
                        yield from following.feed(chunk)
                        if following.over:
                            return
                except LOST:
                    pass
            time.sleep(following.pause_s())

    def save(self, run: str, file: str | Artifact, to: str | Path) -> Path:
        """Write a file of a run to a path, its bytes checked against its hash; return the path."""
        artifact = self._do(self._operations.artifact(run, file))
        return self._save(*saving_file(run, artifact, Path(to)))

    def save_all(self, run: str, folder: str | Path, *, stored: bool = False) -> list[Path]:
        """Write what a run has published below a folder, as `save` does: the run's own folder.

        `stored`: also what it only keeps, and what one without a result has made so far. BadInput
        where a file would replace one that is not of a run.
        """
        found = wanted_of(self.artifacts(run), stored=stored)
        places = places_in(Path(folder), found)
        return [self.save(run, *one) for one in zip(found, places, strict=True)]

    def zip(self, run: str, to: str | Path) -> Path:
        """Write all files of a run as one zip to a path; return the path."""
        return self._save(*saving_zip(run, Path(to)))

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _do(self, flow: Flow[T]) -> T:
        took: Any = None
        failed: httpx.HTTPError | None = None
        try:
            while True:
                step = flow.throw(failed) if failed else flow.send(took)
                failed = took = None
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                elif isinstance(step, Work):
                    took = step.do()
                else:
                    try:
                        took = self._send(step)
                    except httpx.HTTPError as error:
                        failed = error
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            flow.close()

    def _send(self, ask: Ask) -> httpx.Response:
        with ExitStack() as held:
            request = self._request(self._http, ask, held)
            response = self._http.send(request, stream=ask.stream)
            if ask.stream and not response.is_success:
                held.callback(response.close)
                response.read()
            return response

    def _save(self, ask: Ask, saving: Saving) -> Path:
        try:
            while True:
                with closing(self._do(exchange(ask, self._retry))) as response:
                    saving.begin()
                    try:
                        for chunk in response.iter_bytes():
                            saving.write(chunk)
                    except LOST as error:
                        saving.lost(away(error))
                        continue
                if saving.finish():
                    return saving.target
        finally:
            saving.drop()


class AsyncClient(Connecting):
    """An asynchronous client of a fabula service, for one event loop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._http = httpx.AsyncClient(**self._options())

    products = _awaited(Operations.products)
    product = _awaited(Operations.product)
    submit = _awaited(Operations.submit)
    get = _awaited(Operations.get)
    wait = _awaited(Operations.wait)
    cancel = _awaited(Operations.cancel)
    resume = _awaited(Operations.resume)
    decide = _awaited(Operations.decide)
    change = _awaited(Operations.change)
    plan_change = _awaited(Operations.plan_change)
    artifacts = _awaited(Operations.artifacts)
    cost = _awaited(Operations.cost)
    estimate = _awaited(Operations.estimate)
    upload = _awaited(Operations.upload)
    place = _awaited(Operations.place)
    delete_file = _awaited(Operations.delete_file)

    async def runs(self, **filters: Any) -> AsyncGenerator[RunSummary, None]:
        """Yield runs, newest first; filters: `project`, `product`, `status`, `thread`."""
        cursor: str | None = None
        while True:
            page = await self._do(self._operations.page_of_runs(**filters, cursor=cursor))
            for one in page.items:
                yield one
            if (cursor := page.next) is None:
                return

    async def files(self) -> AsyncGenerator[UploadedFile, None]:
        """Yield the uploaded files, newest first."""
        cursor: str | None = None
        while True:
            page = await self._do(self._operations.page_of_files(cursor=cursor))
            for one in page.items:
                yield one
            if (cursor := page.next) is None:
                return

    async def events(self, run: str, *, after: int = 0) -> AsyncGenerator[RunEvent, None]:
        """Yield a run's events after a number as they happen, each once, up to its `end`.

        A connection that breaks is made anew behind the last one. Leaving stops nothing. A run
        that waits for a person has not ended: `wait` is what returns then.
        """
        following = Following(run_path(run), self._retry, after=after)
        while True:
            async with aclosing(await self._do(following.attach())) as response:
                try:
                    async for chunk in response.aiter_bytes():
                        for event in following.feed(chunk):
                            yield event
                        if following.over:
                            return
                except LOST:
                    pass
            await asyncio.sleep(following.pause_s())

    async def save(self, run: str, file: str | Artifact, to: str | Path) -> Path:
        """Write a file of a run to a path, its bytes checked against its hash; return the path."""
        artifact = await self._do(self._operations.artifact(run, file))
        return await self._save(*saving_file(run, artifact, Path(to)))

    async def save_all(self, run: str, folder: str | Path, *, stored: bool = False) -> list[Path]:
        """Write what a run has published below a folder, as `save` does: the run's own folder.

        `stored`: also what it only keeps, and what one without a result has made so far. BadInput
        where a file would replace one that is not of a run.
        """
        found = wanted_of(await self.artifacts(run), stored=stored)
        places = await asyncio.to_thread(places_in, Path(folder), found)
        return [await self.save(run, *one) for one in zip(found, places, strict=True)]

    async def zip(self, run: str, to: str | Path) -> Path:
        """Write all files of a run as one zip to a path; return the path."""
        return await self._save(*saving_zip(run, Path(to)))

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _do(self, flow: Flow[T]) -> T:
        took: Any = None
        failed: httpx.HTTPError | None = None
        try:
            while True:
                step = flow.throw(failed) if failed else flow.send(took)
                failed = took = None
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, Work):
                    took = await asyncio.to_thread(step.do)
                else:
                    try:
                        took = await self._send(step)
                    except httpx.HTTPError as error:
                        failed = error
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            flow.close()

    async def _send(self, ask: Ask) -> httpx.Response:
        with ExitStack() as held:
            request = self._request(self._http, ask, held)
            response = await self._http.send(request, stream=ask.stream)
            if ask.stream and not response.is_success:
                async with aclosing(response):
                    await response.aread()
            return response

    async def _save(self, ask: Ask, saving: Saving) -> Path:
        try:
            while True:
                async with aclosing(await self._do(exchange(ask, self._retry))) as response:
                    saving.begin()
                    try:
                        async for chunk in response.aiter_bytes():
                            saving.write(chunk)
                    except LOST as error:
                        saving.lost(away(error))
                        continue
                if saving.finish():
                    return saving.target
        finally:
            saving.drop()
