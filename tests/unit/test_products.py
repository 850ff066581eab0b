from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fabula.documents.magazine import MagazineBrief
from fabula.errors import BadInput
from fabula.products import PRODUCTS, product
from fabula.testing.magazine import brief_of


def test_the_catalogue_does_not_load_a_graph_or_a_model() -> None:
    heavy = "{'langgraph', 'langchain_core', 'PIL', 'sqlalchemy', 'openai', 'kiwipiepy'}"
    code = f"import sys, fabula.products; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_an_unknown_product_lists_the_names() -> None:
    with pytest.raises(BadInput, match="`magazin` is no product; products: magazine"):
        product("magazin")


@pytest.mark.parametrize("name", PRODUCTS)
def test_each_agent_has_a_prompt_file_and_a_name_of_its_product(name: str) -> None:
    import fabula

    folder = Path(fabula.__file__).parent / "prompts"
    for agent in product(name).agents:
        assert agent.name.startswith(f"{name}.")
        assert (folder / f"{agent.prompt}.md").is_file()
        assert product(name).agent(agent.name) is agent


def test_an_unknown_agent_is_an_error() -> None:
    with pytest.raises(LookupError):
        product("magazine").agent("magazine.poet")


def test_the_fingerprint_knows_no_path_and_sees_every_other_change() -> None:
    fingerprint = product("magazine").fingerprint
    here = brief_of(sources="/here/posts.json")
    there = here.model_copy(update={"sources": "/there/posts.json"})
    assert fingerprint(here) == fingerprint(there)
    posts = tuple(one.model_copy(update={"image": "/x/y.png"}) for one in here.posts)
    assert fingerprint(here.model_copy(update={"posts": posts})) == fingerprint(here)
    assert fingerprint(here.model_copy(update={"seed": 1})) != fingerprint(here)
    assert "/here" not in str(fingerprint(here))


def test_a_brief_is_read_by_its_product(tmp_path: Path) -> None:
    path = tmp_path / "brief.yaml"
    path.write_text("angle: 봄\nsources: posts\n", "utf-8")
    read = product("magazine").load_brief(path)
    assert isinstance(read, MagazineBrief)
    assert read.sources == str(tmp_path / "posts")
    assert product("magazine").read_brief({"angle": "봄"}) == MagazineBrief(angle="봄")
