from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabula.media.colour import RGB, contrast, mix, parse_colour, readable

channels = st.integers(0, 255)
colours = st.tuples(channels, channels, channels)


def test_reads_a_hex_colour() -> None:
    assert parse_colour("#9a3B26", name="accent") == (154, 59, 38)


@pytest.mark.parametrize("bad", ["red", "#fff", "#12345g", "", "#1234567", "url(x)"])
def test_refuses_what_is_no_hex_colour_and_names_it(bad: str) -> None:
    with pytest.raises(ValueError, match="accent: got"):
        parse_colour(bad, name="accent")


def test_contrast_is_wcags() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_mix_ends_at_its_ends() -> None:
    assert mix((0, 10, 20), (200, 110, 120), 0) == (0, 10, 20)
    assert mix((0, 10, 20), (200, 110, 120), 1) == (200, 110, 120)


@given(colour=colours, ground=colours)
def test_any_colour_on_any_ground_becomes_readable(colour: RGB, ground: RGB) -> None:
    assert contrast(readable(colour, on=ground, ratio=4.5), ground) >= 4.5


def test_readable_colour_is_left_alone() -> None:
    assert readable((20, 20, 20), on=(255, 255, 255), ratio=7) == (20, 20, 20)
