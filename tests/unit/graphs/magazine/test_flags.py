from __future__ import annotations

import pytest
from pydantic import ValidationError

from fabula.graphs.magazine.flags import MagazineFlags, limits, settle


def test_the_documents_defaults() -> None:
    flags = MagazineFlags()
    assert (flags.mode, flags.polish_enabled, flags.polish_temperature) == (
        "single_call",
        False,
        0.4,
    )
    assert limits(flags) == {"write_section": 3}
    assert flags.multi_stage_percent == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "all_at_once"},
        {"max_parallel_section_writers": 0},
        {"max_parallel_section_writers": 33},
        {"multi_stage_percent": 101},
        {"multi_stage_percent": -1},
        {"polish_temperature": 2.1},
        {"polish_enabled": "sometimes"},
        {"unknown": 1},
    ],
)
def test_a_wrong_flag_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        MagazineFlags.model_validate(wrong)


def test_without_a_percentage_everybody_gets_the_default() -> None:
    flags, why = settle(MagazineFlags(), {"angle": "봄"})
    assert (flags.mode, why) == ("single_call", {"mode": "single_call", "mode_by": "default"})


def test_a_mode_that_somebody_named_is_never_drawn() -> None:
    for number in range(50):
        given = MagazineFlags(mode="single_call", multi_stage_percent=100)
        flags, why = settle(given, {"angle": number})
        assert (flags.mode, why["mode_by"]) == ("single_call", "flag")


def test_the_percentage_holds_over_many_briefs_and_each_brief_keeps_its_mode() -> None:
    def modes(percent: int) -> list[str]:
        flags = MagazineFlags(multi_stage_percent=percent)
        return [settle(flags, {"angle": number})[0].mode for number in range(2000)]

    assert modes(30) == modes(30)
    assert 520 < modes(30).count("multi_stage") < 680
    assert modes(100).count("multi_stage") == 2000
    # A higher percentage moves briefs to multi_stage and none back.
    moved = zip(modes(30), modes(60), strict=True)
    assert ("multi_stage", "single_call") not in set(moved)


def test_the_draw_is_recorded() -> None:
    flags, why = settle(MagazineFlags(multi_stage_percent=30), {"angle": "봄"})
    assert why["mode"] == flags.mode
    assert (why["mode_by"], why["percent"]) == ("rollout", 30)
    assert (why["bucket"] < 30) == (flags.mode == "multi_stage")


def test_a_drawn_mode_stays_when_the_run_is_resumed() -> None:
    flags, _ = settle(MagazineFlags(multi_stage_percent=50), {"angle": "봄"})
    stored = MagazineFlags.model_validate(flags.model_dump(mode="json"))
    assert settle(stored, {"angle": "other"})[0] == flags
