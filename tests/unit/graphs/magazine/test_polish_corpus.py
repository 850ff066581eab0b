"""How often the checker refuses an honest polish and lets a dishonest one through, on a corpus.

The figures are published in docs/design/magazine-modes.md; this file reproduces them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from fabula.documents.magazine import Paragraph, Post, WrittenSection
from fabula.graphs.magazine.keeping import lost
from fabula.korean.sentences import split_sentences

CORPUS = Path(__file__).parent / "polishes"
EXAMPLE = Path(__file__).parents[4] / "examples" / "magazine" / "posts"
FILES = ("first", "second", "third", "unseen")
Case = dict[str, Any]


@cache
def corpus(name: str) -> dict[str, Any]:
    text = (CORPUS / f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def post(id_: str, **fields: Any) -> Post:
    blank: dict[str, Any] = {"url": None, "date": None, "picture": None, "picture_alt": None}
    return Post(id=id_, **{"author": None, **blank, **fields})


def section(text: str | list[str], cites: list[str]) -> WrittenSection:
    texts = [text] if isinstance(text, str) else text
    return WrittenSection(
        section_id="s1",
        type="spotlight",
        status="written",
        heading="제목",
        paragraphs=tuple(
            Paragraph(text=one, post_ids=(id_,)) for one, id_ in zip(texts, cites, strict=True)
        ),
    )


def refused(name: str, case: Case) -> list[str]:
    posts = {id_: post(id_, **fields) for id_, fields in corpus(name)["posts"].items()}
    cites: list[str] = case.get("cites", [case["post"]])
    after: list[str] = case.get("cites_after", cites)
    return lost(
        section(case["before"], cites),
        section(case["after"], after),
        cited=[posts[id_] for id_ in dict.fromkeys(cites)],
        sources=list(posts.values()),
    )


def count(name: str, which: str) -> tuple[int, int]:
    """Return how many there are and how many of them were refused."""
    cases: list[Case] = corpus(name)[which]
    return len(cases), sum(bool(refused(name, case)) for case in cases)


@pytest.mark.parametrize(
    ("name", "honest", "dishonest"),
    [
        ("first", (48, 1), (57, 57)),
        ("second", (24, 0), (24, 24)),
        ("third", (6, 0), (7, 7)),
        ("unseen", (24, 2), (24, 24)),
    ],
)
def test_the_published_rates(
    *, name: str, honest: tuple[int, int], dishonest: tuple[int, int]
) -> None:
    assert count(name, "honest") == honest
    assert count(name, "dishonest") == dishonest


@pytest.mark.parametrize("name", FILES)
def test_no_dishonest_polish_passes(name: str) -> None:
    passed = [case for case in corpus(name)["dishonest"] if not refused(name, case)]
    assert passed == []


@pytest.mark.parametrize("name", FILES)
def test_at_most_a_tenth_of_the_honest_polishes_is_refused(name: str) -> None:
    all_of_them, wrong = count(name, "honest")
    assert wrong / all_of_them <= 0.1


def test_the_corpus_is_large_and_each_polish_changes_something() -> None:
    cases = {
        which: [c for n in FILES for c in corpus(n)[which]] for which in ("honest", "dishonest")
    }
    assert all(len(found) >= 40 for found in cases.values())
    for case in (*cases["honest"], *cases["dishonest"]):
        assert case["before"] != case["after"] or case.get("cites_after")


def example_posts() -> list[Post]:
    found = []
    for path in sorted(EXAMPLE.glob("*.md")):
        head, text = path.read_text(encoding="utf-8").split("---\n", 2)[1:]
        fields = yaml.safe_load(head)
        found.append(post(fields["id"], title=fields["title"], author=fields["author"], text=text))
    return found


def test_no_person_or_figure_of_the_example_posts_can_be_turned() -> None:
    posts = example_posts()
    tried = 0
    passed = []
    for one in posts:
        for sentence in split_sentences(one.text):
            turned = [
                re.sub(r"([가-힣]{3}) 씨", "그분", sentence),
                re.sub(r"([가-힣]{2})([가-힣]) 씨", r"\1늘 씨", sentence),
                re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), sentence, count=1),
                re.sub(r"(\d+)(?!.*\d)", "", sentence),
            ]
            for after in turned:
                if after == sentence:
                    continue
                tried += 1
                before, polished = section(sentence, [one.id]), section(after, [one.id])
                if not lost(before, polished, cited=[one], sources=posts):
                    passed.append((sentence, after))
    assert tried > 200
    assert passed == []
