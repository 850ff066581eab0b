from __future__ import annotations

import pytest

from fabula.errors import BadInput
from fabula.service.cursors import cursor_of, read_cursor


@pytest.mark.parametrize("at", [0.0, 1795276747.4279926, 1e-300])
def test_a_cursor_leads_back_to_the_very_place(at: float) -> None:
    assert read_cursor(cursor_of(at, "20260101-abc.d_e")) == (at, "20260101-abc.d_e")


@pytest.mark.parametrize(
    "given", ["", "x", "7ff8000000000000r1", "fff0000000000000r1", "41dac1c0a0000000", "zz" * 9]
)
def test_what_is_no_cursor_is_refused_by_its_field(given: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_cursor(given)
    assert refused.value.field == "cursor"
