from __future__ import annotations

import pytest
from pydantic import ValidationError

from fabula.graphs.magazine.flags import MagazineFlags, limits


def test_three_writers_by_default() -> None:
    assert limits(MagazineFlags()) == {"write_section": 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "all_at_once"},
        {"max_parallel_section_writers": 0},
        {"max_parallel_section_writers": 33},
        {"unknown": 1},
    ],
)
def test_a_wrong_flag_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        MagazineFlags.model_validate(wrong)
