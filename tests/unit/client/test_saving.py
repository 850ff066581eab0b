from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from fabula.client.answers import Artifact
from fabula.client.saving import TRIES, Saving, place_in, places_in, saving_file, saving_zip
from fabula.errors import BadInput, ServiceAway, ServiceError

DATA = "가을 산책".encode() * 100
HASH = hashlib.sha256(DATA).hexdigest()


def saved(saving: Saving, *chunks: bytes) -> bool:
    saving.begin()
    for chunk in chunks:
        saving.write(chunk)
    return saving.finish()


def artifact(name: str) -> Artifact:
    return Artifact(name=name, hash=HASH, media_type="text/plain", size=len(DATA))


def test_a_file_that_came_whole_is_in_its_place_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b.txt"
    assert saved(Saving(target, HASH), DATA[:7], DATA[7:])
    assert target.read_bytes() == DATA
    assert list(target.parent.iterdir()) == [target]


def test_a_damaged_file_is_asked_for_again_and_never_stands_in_its_place(tmp_path: Path) -> None:
    target = tmp_path / "b.txt"
    target.write_text("the old one")
    saving = Saving(target, HASH)
    for _ in range(TRIES - 1):
        assert not saved(saving, DATA[:-1])
    assert target.read_text() == "the old one"
    with pytest.raises(ServiceError) as caught:
        saved(saving, DATA + b"x")
    assert (caught.value.code, list(tmp_path.iterdir())) == ("damaged", [target])


def test_a_broken_connection_is_told_of_after_the_last_try(tmp_path: Path) -> None:
    saving, lost = Saving(tmp_path / "b.txt", HASH), ServiceAway("away")
    for _ in range(TRIES - 1):
        saving.begin()
        assert not saving.lost(lost)
    saving.begin()
    saving.write(DATA)
    with pytest.raises(ServiceAway):
        saving.lost(lost)
    assert list(tmp_path.iterdir()) == []


def test_a_later_try_that_comes_whole_counts(tmp_path: Path) -> None:
    saving = Saving(tmp_path / "b.txt", HASH)
    assert not saved(saving, b"half")
    assert saved(saving, DATA)


def test_a_zip_is_checked_by_what_it_says_of_its_members(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr("a.txt", DATA)
    whole = held.getvalue()
    assert saved(Saving(tmp_path / "a.zip", None), whole)
    broken = whole.replace(DATA, DATA[:-1] + b"?")
    for odd in (whole[:-10], broken, b""):
        assert not saved(Saving(tmp_path / "b.zip", None), odd)


def test_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(BadInput) as caught:
        Saving(tmp_path / "a" / "b.txt", HASH).begin()
    assert caught.value.field == "out"


@pytest.mark.parametrize("name", ["index.html", "pictures/ab.jpg", "글 하나.txt", "a..b", ".x"])
def test_a_plain_name_has_its_place(name: str, tmp_path: Path) -> None:
    assert place_in(tmp_path, artifact(name)) == tmp_path / name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/x",
        "../x",
        "a/../../x",
        "a//b",
        "./a",
        "a/",
        "C:\\x",
        "a\\b",
        "a\0b",
        "a\nb",
        "x:y",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ServiceError) as caught:
        place_in(tmp_path, artifact(name))
    assert caught.value.code == "bad_answer"


def test_names_are_written_as_addresses_need_them(tmp_path: Path) -> None:
    ask, saving = saving_file("r1", artifact("그림/a b?.jpg"), tmp_path / "x")
    assert ask.path == "/v1/runs/r1/artifacts/%EA%B7%B8%EB%A6%BC/a%20b%3F.jpg"
    assert (ask.again, ask.stream, saving.target) == (True, True, tmp_path / "x")
    ask, _ = saving_zip("a/b", tmp_path / "x.zip")
    assert ask.path == "/v1/runs/a%2Fb/artifacts.zip"


def test_the_files_of_a_run_replace_nobody_elses(tmp_path: Path) -> None:
    files = [artifact("a.txt"), artifact("b/c.txt")]
    assert places_in(tmp_path, files) == [tmp_path / "a.txt", tmp_path / "b" / "c.txt"]
    (tmp_path / "a.txt").write_bytes(DATA)
    assert len(places_in(tmp_path, files)) == 2
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"`a\.txt`, which is not of fabula"):
        places_in(tmp_path, files)
    (tmp_path / "run.json").write_text('{"run_id": "r", "product": "p", "outcome": "complete"}')
    assert len(places_in(tmp_path, files)) == 2
