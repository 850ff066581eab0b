from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabula.korean.register import classify
from fabula.korean.voice import levels, reported

SURE = [
    ("책이 있다.", "책이 있습니다.", "책이 있어요."),
    ("문을 열었다.", "문을 열었습니다.", "문을 열었어요."),
    ("쉴 곳이 없다.", "쉴 곳이 없습니다.", "쉴 곳이 없어요."),
    ("책방이다.", "책방입니다.", "책방이에요."),
    ("모두 126그루이다.", "모두 126그루입니다.", "모두 126그루예요."),
    ("첫 판이 나온다.", "첫 판이 나옵니다.", "첫 판이 나와요."),
    ("강이 보인다.", "강이 보입니다.", "강이 보여요."),
    ("한 시간이 걸린다.", "한 시간이 걸립니다.", "한 시간이 걸려요."),
    ("색이 짙어진다.", "색이 짙어집니다.", "색이 짙어져요."),
    ("노란색이 된다.", "노란색이 됩니다.", "노란색이 돼요."),
    ("걸으려던 것이다.", "걸으려던 것입니다.", "걸으려던 것이에요."),
]
NAMES = {"harache": "해라체", "hamnida": "합니다체", "haeyo": "해요체"}


@pytest.mark.parametrize("said", SURE)
def test_every_level_leads_to_every_other(said: tuple[str, str, str]) -> None:
    for sentence in said:
        found = levels(sentence)
        assert (found["해라체"], found["합니다체"], found["해요체"]) == said


@pytest.mark.parametrize(
    ("sentence", "formal"),
    [
        ("밥을 먹는다.", "밥을 먹습니다."),
        ("결이 다르다.", "결이 다릅니다."),
        ("길이 길다.", "길이 깁니다."),
        ("날이 좋다.", "날이 좋습니다."),
        ("값이 많아요.", "값이 많습니다."),
        ("일곱 시에 닫아요.", "일곱 시에 닫습니다."),
        ("골목이 조용해요.", "골목이 조용합니다."),
        ("이야기를 말한다.", "이야기를 말합니다."),
        ("읽어 둘 만하다.", "읽어 둘 만합니다."),
    ],
)
def test_says_it_formally(sentence: str, formal: str) -> None:
    assert levels(sentence)["합니다체"] == formal


@pytest.mark.parametrize(
    ("sentence", "only"),
    [
        ("줄이 보이네요.", {"해요체"}),
        ("푸른 바다", set()),
        ("모두 세 군데다.", set()),
        ("좋을까요?", set()),
        ("Hello.", set()),
        ("", set()),
        (".", set()),
    ],
)
def test_leaves_alone_what_is_not_sure(sentence: str, only: set[str]) -> None:
    assert set(levels(sentence)) == only


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("책이 있어요.", "책이 있다고"),
        ("문을 열었습니다.", "문을 열었다고"),
        ("모두 책방입니다.", "모두 책방이라고"),
        ("모두 126그루예요.", "모두 126그루라고"),
        ("강이 보인다.", "강이 보인다고"),
        ("골목이 조용해요.", None),
    ],
)
def test_reports_what_someone_wrote(sentence: str, said: str | None) -> None:
    assert reported(sentence) == said


@given(st.text(alphabet="가나다라보이있었했습니어요다입에예합해한된됩 .12", max_size=14))
def test_no_level_is_ever_heard_as_another(text: str) -> None:
    for level, sentence in levels(text).items():
        heard = classify(sentence)
        assert heard == "neutral" or NAMES.get(heard) in (level, None)
