"""Read each document once: its id is its content's hash, so what was read stays true."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict

from fabula.documents import Document
from fabula.errors import StoreError
from fabula.store.ports import D, Documents


class RememberedDocuments:
    """Documents that keep the last `most` in memory; many readers of one id cause one read.

    A fan-out's workers start together and all want the same brief, sources and outline.
    """

    def __init__(self, documents: Documents, *, most: int = 256) -> None:
        self._documents = documents
        self._most = most
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def put(self, document: Document) -> str:
        id_ = await self._documents.put(document)
        self._keep(id_, document)
        return id_

    async def get(self, kind: type[D], id: str) -> D:  # noqa: A002 - the port's word
        async with self._reading[id]:
            kept = self._kept.get(id)
            if kept is None:
                kept = await self._documents.get(kind, id)
            self._keep(id, kept)
        if not isinstance(kept, kind):
            raise StoreError(f"`{id}` is not a {kind.__name__}")
        return kept

    def _keep(self, id_: str, document: Document) -> None:
        self._kept[id_] = document
        self._kept.move_to_end(id_)
        while len(self._kept) > self._most:
            self._reading.pop(self._kept.popitem(last=False)[0], None)
