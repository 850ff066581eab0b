from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from fabula.graphs.magazine.intake.dates import read_date

FIRST_OF_MARCH = date(2024, 3, 1)


@pytest.mark.parametrize(
    "value",
    [
        FIRST_OF_MARCH,
        datetime(2024, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=9))),
        datetime(2024, 3, 1, 23, 30, tzinfo=UTC),
        "2024-03-01",
        "2024-03-01T00:30:00+09:00",
        "2024-03-01 10:00:00 +0900",
        "2024/3/1",
        "2024.03.01",
        "2024. 3. 1. 오후 3:20",
        "2024년 3월 1일 금요일",
        "20240301",
        20240301,
        "20240301T093000Z",
        "March 1, 2024",
        "1 Mar 2024",
        "1st March 2024",
        "Fri, 01 Mar 2024 00:30:00 +0900",
    ],
)
def test_reads_the_day_as_it_is_written(value: object) -> None:
    assert read_date(value) == FIRST_OF_MARCH


@pytest.mark.parametrize(
    "value",
    [
        "03/05/2024",
        "24.3.1",
        "2024-13-01",
        "2024-02-30",
        "어제",
        "",
        None,
        True,
        3.5,
        ["2024-03-01"],
    ],
)
def test_what_may_mean_two_days_or_none_is_no_date(value: object) -> None:
    assert read_date(value) is None
