import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fabula.cli.schemas import SUFFIX, all_schemas

Command = Callable[..., Any]
COMMITTED = Path(__file__).parents[3] / "schemas"


def test_the_committed_schemas_are_those_of_this_version() -> None:
    committed = {path.name: path.read_bytes() for path in COMMITTED.iterdir()}
    drifted = sorted(
        name
        for name in {*committed, *all_schemas()}
        if committed.get(name) != all_schemas().get(name)
    )
    assert drifted == [], "run `fabula schemas`, look at what changed, and commit it"


def test_brief_flags_documents_and_answers_are_there() -> None:
    names = {name.removesuffix(SUFFIX) for name in all_schemas()}
    assert names >= {
        "magazine.MagazineBrief",
        "magazine.MagazineFlags",
        "magazine.MagazineResult",
        "magazine.MagazineLayout",
        "magazine.SourceSet",
        "magazine.Outline",
        "magazine.TemplateChoice",
    }
    assert "magazine.Document" not in names


def test_a_schema_says_what_it_is_and_refuses_unknown_fields() -> None:
    schema = json.loads(all_schemas()[f"magazine.MagazineBrief{SUFFIX}"])
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert (schema["title"], schema["additionalProperties"]) == ("MagazineBrief", False)
    assert "angle" in schema["required"]


def test_writes_every_schema_and_names_what_is_stale(fabula_: Command, tmp_path: Path) -> None:
    out = tmp_path / "new" / "schemas"
    assert fabula_("schemas", "--out", out).code == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == all_schemas()
    (out / f"magazine.Gone{SUFFIX}").write_text("{}")
    done = fabula_("schemas", "--out", out)
    assert f"magazine.Gone{SUFFIX}" in done.err
    assert (out / f"magazine.Gone{SUFFIX}").exists()


def test_a_folder_that_cannot_be_made_is_bad_input(fabula_: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert fabula_("schemas", "--out", tmp_path / "file" / "x").code == 2
