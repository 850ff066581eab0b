from __future__ import annotations

from importlib import util
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import ImageFont

from fabula.errors import MissingExtra
from fabula.media import font
from fabula.media.font import font_faces, font_file, web_font


def test_both_weights_are_korean_fonts_and_differ() -> None:
    regular, bold = font_file(), font_file(bold=True)
    assert regular != bold
    for path in (regular, bold):
        face = ImageFont.truetype(str(path), 40)
        assert face.getname()[0] == "NanumGothic"
        assert bytes(face.getmask("가")) != bytes(face.getmask("\U0010ffff"))


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"fabula\[media\]"):
        font_file()


def test_package_without_its_fonts_is_missing_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(font, "find_spec", lambda _: empty)
    with pytest.raises(MissingExtra, match=r"NanumGothic\.ttf"):
        font_file()


def test_package_is_located_without_importing_it() -> None:
    assert util.find_spec("koreanize_matplotlib") is not None
    font_file()
    assert "matplotlib" not in vars(font)


def test_web_font_holds_only_the_letters_of_the_text() -> None:
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]  # no types

    with TTFont(BytesIO(web_font("느린 가게 7"))) as face:
        assert set(face.getBestCmap()) == {ord(letter) for letter in "느린 가게 7"}


def test_embedded_faces_are_the_same_bytes_every_time() -> None:
    assert font_faces("느린 가게") == font_faces("느린 가게")
    assert font_faces("느린 가게") != font_faces("빠른 가게")
