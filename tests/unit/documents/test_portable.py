from __future__ import annotations

import pytest

from fabula.documents import (
    Document,
    MachinePath,
    Strict,
    inside_upload,
    portable,
    uploaded,
)


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


ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        (f"file:{ID}", ()),
        (f"file:{ID}/글.json", ("글.json",)),
        (f"file:{ID}/a b/.c/d..e", ("a b", ".c", "d..e")),
    ],
)
def test_an_upload_is_named_whole_or_by_a_file_in_it(path: str, inside: tuple[str, ...]) -> None:
    assert (uploaded(path), inside_upload(path)) == (ID, inside)


@pytest.mark.parametrize(
    "path",
    [
        *("", ID, f"file:{ID[:-1]}", f"file:{ID}0", f"file:{ID.upper()}", f"file:{ID}/"),
        *(f"file:{ID}/..", f"file:{ID}/../x", f"file:{ID}/a/../../x", f"file:{ID}/./x"),
        *(f"file:{ID}//x", f"file:{ID}/a\\b", f"file:{ID}/a\0b", f"/file:{ID}"),
    ],
)
def test_what_leads_out_of_an_upload_names_none(path: str) -> None:
    assert (uploaded(path), inside_upload(path)) == (None, ())
