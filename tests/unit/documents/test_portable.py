from __future__ import annotations

import pytest

from fabula.documents import Document, MachinePath, Strict, portable


class Shelf(Strict):
    label: str
    place: MachinePath | None = None


class Room(Document):
    name: str
    door: MachinePath
    shelves: tuple[Shelf, ...] = ()
    windows: tuple[MachinePath, ...] = ()


def test_a_machine_path_keeps_its_last_part_wherever_it_stands() -> None:
    room = Room(
        name="/a/b",
        door="/home/kim/글/",
        shelves=(Shelf(label="/x/y", place="C:\\kim\\p.png"), Shelf(label="z")),
        windows=("/home/kim/w1", "w2"),
    )
    bare = portable(room)
    assert (bare.name, bare.door) == ("/a/b", "글")
    assert [(one.label, one.place) for one in bare.shelves] == [("/x/y", "p.png"), ("z", None)]
    assert bare.windows == ("w1", "w2")


@pytest.mark.parametrize("door", ["https://example.com/a/feed.xml", "doors", ""])
def test_what_is_no_machine_path_stays(door: str) -> None:
    room = Room(name="방", door=door)
    assert portable(room) == room
    assert portable(room).id == room.id
