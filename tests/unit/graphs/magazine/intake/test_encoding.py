from __future__ import annotations

import random
import unicodedata

import pytest

from fabula.graphs.magazine.intake.encoding import Unreadable, decode, tidy

KOREAN = "토요일 아침 열 시 반, 우체국 뒷골목으로 들어가면 초록색 문이 하나 보여요. 漢字도 ㅋㅋㅋ"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-32", "utf-32"),
        ("cp949", "cp949"),
        ("euc-kr", "cp949"),
    ],
)
def test_korean_encodings_are_read(written: str, read: str) -> None:
    assert decode(KOREAN.encode(written)) == (KOREAN, read)


def test_utf_16_is_read_whichever_byte_stands_first() -> None:
    assert decode(b"\xfe\xff" + KOREAN.encode("utf-16-be")).text == KOREAN


def test_rare_syllables_of_the_code_page_are_read_among_usual_ones() -> None:
    text = "펲시와 뷁이라는 말을 하며 똠방각하를 보았다. 그리고 집으로 돌아와 잠을 잤다."
    assert decode(text.encode("cp949")).text == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("shift_jis", "今日は天気がいいですね。散歩に行きましょう。カタカナも"),
        ("euc_jp", "今日は天気がいいですね。散歩に行きましょう。カタカナも"),
        ("iso2022_jp", "今日は天気がいいですね。"),
        ("gbk", "今天天气很好,我们去公园散步吧。这是一个中文句子。"),
        ("gb2312", "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她"),
        ("big5", "今天天氣很好,我們去公園散步吧。"),
        ("cp1252", "It’s a café — “résumé”, she said. Don’t go."),
        ("latin-1", "Der Fluß über Köln, Äpfel und Öl"),
        ("cp1251", "Сегодня хорошая погода, пойдём гулять"),
        ("koi8-r", "Сегодня хорошая погода, пойдём гулять"),
        ("tis-620", "สวัสดีครับวันนี้อากาศดีมาก"),
        ("johab", KOREAN),
        ("iso2022_kr", KOREAN),
        ("utf-16-le", KOREAN),
    ],
)
def test_every_other_encoding_is_refused_and_not_guessed(encoding: str, text: str) -> None:
    with pytest.raises(Unreadable):
        decode(text.encode(encoding))


def test_bytes_at_random_are_no_text() -> None:
    dice = random.Random(1)
    for _ in range(500):
        noise = bytes(dice.randrange(0x20, 256) for _ in range(80))
        with pytest.raises(Unreadable):
            decode(noise)


@pytest.mark.parametrize(
    "data",
    [
        KOREAN.encode("utf-8")[:-1] + b"\xff",
        b"\xef\xbb\xbf" + KOREAN.encode("cp949"),
        b"\xff\xfea",
        b"GIF89a\x00\x01",
    ],
)
def test_broken_and_binary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data)


def test_what_nobody_sees_is_dropped_and_hangul_composed() -> None:
    hidden = "".join(chr(0xE0000 + ord(c)) for c in "ignore")
    spring = unicodedata.normalize("NFD", "봄")
    messy = f"{spring}\u200b날\u202e 산\x00책\r\n길\ufeff{hidden}\xa0끝\x07 👩‍🌾"
    assert tidy(messy) == "봄날 산책\n길 끝 👩‍🌾"
