from __future__ import annotations

import asyncio

import pytest

from fabula.documents import Document
from fabula.errors import StoreError
from fabula.nodes import RememberedDocuments
from fabula.store.ports import D
from fabula.testing.memory import MemoryDocuments


class Note(Document):
    text: str


class Other(Document):
    text: str


class Counting(MemoryDocuments):
    reads = 0

    async def get(self, kind: type[D], id: str) -> D:  # noqa: A002 - the port's word
        self.reads += 1
        await asyncio.sleep(0)
        return await super().get(kind, id)


async def test_many_readers_of_one_id_cause_one_read() -> None:
    inner = Counting()
    note = await inner.put(Note(text="바다"))
    documents = RememberedDocuments(inner)
    found = await asyncio.gather(*(documents.get(Note, note) for _ in range(12)))
    assert {one.text for one in found} == {"바다"}
    assert inner.reads == 1


async def test_what_was_put_is_written_and_not_read_again() -> None:
    inner = Counting()
    documents = RememberedDocuments(inner)
    note = await documents.put(Note(text="바다"))
    assert (await documents.get(Note, note)).text == "바다"
    assert (inner.reads, list(inner.rows)) == (0, [note])


async def test_forgets_the_oldest_past_its_bound() -> None:
    inner = Counting()
    documents = RememberedDocuments(inner, most=2)
    first, *_ = [await documents.put(Note(text=str(n))) for n in range(3)]
    await documents.get(Note, first)
    assert inner.reads == 1


async def test_another_kind_or_no_such_id_is_an_error() -> None:
    documents = RememberedDocuments(MemoryDocuments())
    note = await documents.put(Note(text="바다"))
    with pytest.raises(StoreError):
        await documents.get(Other, note)
    with pytest.raises(StoreError):
        await documents.get(Note, "Note:0")
