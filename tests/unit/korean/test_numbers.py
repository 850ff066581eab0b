from __future__ import annotations

import pytest

from fabula.korean.numbers import numbers, unit_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,800권과 1800 권", ["1800권", "1800권"]),
        ("1만 2,000원", ["1만2000원"]),
        ("3.5km를 40분에", ["3.5km", "40분"]),
        ("2025년 10월 11일", ["2025년", "10월", "11일"]),
        ("세 포기, 스무 해, 두 번째", ["세포기", "스무해", "두번째"]),
        ("열네 석에 스물두 명", ["열네석", "스물두명"]),
        ("네가 온 세상", []),
        ("한 시간쯤", ["한시간쯤"]),
        ("50%와 7", ["50%", "7"]),
        ("3마일, 7은", ["3마일", "7"]),
    ],
)
def test_numbers_are_read_with_scale_and_unit(text: str, found: list[str]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("스물다섯이 모였다", "서른다섯이 모였다"),
        ("스물다섯 명", "서른다섯 명"),
        ("셋이 왔다", "넷이 왔다"),
        ("두 눈", "세 눈"),
        ("삼백 명이", "오백 명이"),
        ("백 년 된", "오십 년 된"),
        ("삼 년 만에", "사 년 만에"),
        ("이천이십오년", "이천이십육년"),
        ("수십 명", "수백 명"),
        ("절반은", "대부분은"),
        ("½컵", "¼컵"),
        ("① 소금", "② 소금"),
        ("제Ⅲ장", "제Ⅳ장"),
        ("오전 9시", "오후 9시"),
        ("+3.5% 올라", "-3.5% 올라"),
        ("10명 이상", "10명 이하"),
        ("10명 미만", "10명 초과"),
        ("2시부터 5시까지", "5시부터 2시까지"),
        ("월요일에", "화요일에"),
        ("약 30명", "30명"),
        ("세 시 반에", "세 시에"),
        ("4년 전", "4년 뒤"),
        ("둘째로", "셋째로"),
        ("절반 이상", "절반 이하"),
        ("3일(금)", "3일(토)"),
        ("200번 넘게", "200번 가까이"),
        ("3만 명을 넘었다", "3만 명에 못 미쳤다"),
    ],
)
def test_another_number_reads_otherwise(old: str, new: str) -> None:
    assert numbers(old) != numbers(new)
    assert numbers(old)


@pytest.mark.parametrize(
    ("text", "same"), [("백 년이 넘은 나무", "백 년을 넘긴 나무"), ("9할을 웃돈다", "9할이 넘는다")]
)
def test_how_far_a_number_goes_may_be_said_in_other_words(text: str, same: str) -> None:
    assert numbers(text) == numbers(same)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("180포기", "포기"),
        ("서른 명 남짓", "명남짓"),
        ("1만 2,000원", "원"),
        ("스물두 채", "채"),
        ("-3.5%", "%"),
        ("7", ""),
    ],
)
def test_what_a_number_counts(text: str, unit: str) -> None:
    assert [unit_of(one) for one in numbers(text)] == [unit]
