from __future__ import annotations

import sys

import pytest

from fabula.errors import MissingExtra
from fabula.korean import analyzer


def test_kiwi_is_loaded_once() -> None:
    pytest.importorskip("kiwipiepy", reason="needs the extra `ko`")
    assert analyzer.kiwi_analyzer() is analyzer.kiwi_analyzer()


def test_kiwi_names_the_place_of_each_morpheme() -> None:
    pytest.importorskip("kiwipiepy", reason="needs the extra `ko`")
    found = analyzer.kiwi_analyzer().morphemes("비가 온다.")
    assert [(part.form, part.tag) for part in found][:2] == [("비", "NNG"), ("가", "JKS")]
    assert [part.end for part in found if part.tag == "EF"] == [5]


def test_an_absent_kiwi_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    analyzer._load.cache_clear()
    with pytest.raises(MissingExtra, match=r"fabula\[ko\]"):
        analyzer.kiwi_analyzer()


def test_the_plain_rules_never_load_kiwi(monkeypatch: pytest.MonkeyPatch) -> None:
    from fabula.korean import split_sentences, violations

    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    analyzer._load.cache_clear()
    assert split_sentences("간다. 온다.") == ["간다.", "온다."]
    assert violations("좋다.", "haeyo")
