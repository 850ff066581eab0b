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
    assert decode(KOREAN.encode(written)) == (KOREAN, read, 0, False)


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
        ("cp1250", "Poszedł do sklepu, żeby kupić chleb i masło, bo był głodny. Ćma."),
        ("iso8859-2", "Poszedł do sklepu, żeby kupić chleb. Książka, łódź"),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy. Dnes je hezky, jdeme ven."),
        ("cp1250", "Árvíztűrő tükörfúrógép. Erős kávé és őszi eső, hűvös reggel."),
        ("cp1250", "Și a fost odată ca niciodată în țară: ăsta este și încă.".replace("ț", "t")),
        ("cp1254", "Bugün değil, yarın şehirde güneşli bir gün için çok iyi."),
        ("cp1253", "Καλημέρα κόσμε, ο καιρός είναι καλός"),
        ("cp1255", "שלום עולם טוב"),
        ("cp1257", "Latvijas žēlīgā šūpošanās pie jūras"),
        ("cp850", "café crème à la carte, Mädchen über alles"),
        ("cp437", "café crème Mädchen"),
        ("mac_roman", "It’s a café — “résumé”, she said."),
        ("cp1251", "Hello <b>мир</b> and more English text, so that little of it is Cyrillic."),
        ("shift_jis", "カタカナダケノテキスト"),
        ("shift_jis", "Hello ﾃｽﾄ world, and some more English text"),
        ("cp1251", "Сегодня хорошая погода, пойдём гулять"),
        ("koi8-r", "Сегодня хорошая погода, пойдём гулять"),
        ("tis-620", "สวัสดีครับวันนี้อากาศดีมาก"),
        ("johab", KOREAN),
        ("iso2022_kr", KOREAN),
    ],
)
def test_every_other_encoding_is_refused_and_not_guessed(encoding: str, text: str) -> None:
    with pytest.raises(Unreadable):
        decode(text.encode(encoding, "ignore"))


WESTERN = (
    "It’s a café — “résumé”, she said. Don’t go.",
    "Just plain ’quotes’ here…",
    "x ±½ mm wide and 5°C at 20 m² for £5 or 3 €",
    "Der Fluß über Köln, Äpfel und Öl. „Größe“ heißt es.",
    "L’été où j’ai créé « ça » : 20 € à Orléans, n° 5. ÇA VA À LA MER",
    "¿Qué pasó? ¡Adiós, señor Núñez! La 1ª vez",
    "INFORMAÇÃO: não é só você, coração. As canções põem fim.",
    "Perché è così? Città più bella, lunedì",
    "Smørrebrød på Ærø, blåbær. Ångström",
    "Ég á íslenska stóð við þjóðveginn að norðan",
    "naïve façade jalapeño, Zoë’s Müsli",
)


@pytest.mark.parametrize("text", WESTERN)
def test_western_text_is_read_and_said_to_be_a_guess(text: str) -> None:
    read = decode(text.encode("cp1252"))
    assert (read.text, read.encoding) == (text, "cp1252")
    assert read.told == "인코딩을 CP1252로 짐작해 읽었습니다"


@pytest.mark.parametrize("text", WESTERN)
@pytest.mark.parametrize(
    "broken", [b"\xff\xe9\xe9", b"\x90", b"\x1b", b"\xc4\xe4\xee\xe9\xf2 " * 8]
)
def test_western_text_with_bytes_that_are_none_is_refused(text: str, broken: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(text.encode("cp1252") + b" " + broken)


def test_utf_8_that_is_broken_is_not_taken_for_a_western_page() -> None:
    text = "L’été où j’ai créé « ça » à Orléans."
    with pytest.raises(Unreadable):
        decode(text.encode() + b" \xe9t\xe9")


def test_a_page_that_names_another_encoding_is_not_guessed_at() -> None:
    page = '<meta charset="{}"><p>Caf\xe9 cr\xe8me, no more than that.</p>'
    with pytest.raises(Unreadable, match="windows-1250"):
        decode(page.format("windows-1250").encode("latin-1"))
    for label in ("iso-8859-1", "windows-1252", "utf-8"):
        assert decode(page.format(label).encode("latin-1")).encoding == "cp1252"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text",
    [
        KOREAN,
        KOREAN * 50,
        "글은 짧다",
        "대가와 쌀과 저 글",
        "It's English\r\nand nothing else",
        "日本語のテキストです。かな\n",
        "Größe und Fluß 🎉",
        "漢字는 漢文에서 왔다",
    ],
)
def test_utf_16_without_a_mark_is_read_in_the_order_that_makes_sense(
    encoding: str, text: str
) -> None:
    for padding in (b"", b"\0" * 8):
        read = decode(text.encode(encoding) + padding)
        assert (read.text.rstrip("\n"), read.encoding) == (text.rstrip("\n"), encoding)
    assert read.told == f"인코딩을 {encoding.upper()}로 짐작해 읽었습니다"


@pytest.mark.parametrize(
    ("encoding", "says"), [("utf-8", "UTF-8로"), ("cp949", "CP949로"), ("cp1252", "CP1252로")]
)
def test_nuls_behind_a_text_are_dropped_and_told(encoding: str, says: str) -> None:
    text = "It’s a café." if encoding == "cp1252" else KOREAN
    read = decode(text.encode(encoding) + b"\0" * 512)
    assert (read.text, read.encoding, read.padding) == (text, encoding, 512)
    assert says in (read.told or "")
    assert "NUL 512바이트" in (read.told or "")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_nuls_behind_a_marked_text_are_no_part_of_it(encoding: str) -> None:
    assert decode(KOREAN.encode(encoding) + b"\0" * 8).text == KOREAN
    assert decode(KOREAN.encode("utf-16") + b"\0").text == KOREAN


def test_a_file_of_nuls_is_empty() -> None:
    assert decode(b"\0" * 100).text == ""


def test_plain_utf_8_is_not_worth_a_word() -> None:
    assert decode(KOREAN.encode()).told is None
    assert decode(KOREAN.encode("utf-8-sig")).told is None


@pytest.mark.parametrize("text", ["봄", "가", "LG는 크다", "3월", "A4로", "INFO: 안녕"])
def test_few_korean_words_are_still_korean(text: str) -> None:
    assert decode(text.encode("cp949")).text == text


@pytest.mark.parametrize(
    ("written", "taken_for"),
    [("utf-8", "latin-1"), ("cp949", "latin-1"), ("utf-8", "cp1252"), ("cp949", "cp1252")],
)
def test_a_text_that_was_saved_after_a_wrong_reading_is_read_back(
    written: str, taken_for: str
) -> None:
    text = "골목 끝 책방은 열한 시에 문을 연다. 주인은 마루를 먼저 닦는다."
    bad = "".join(
        (named(byte) if taken_for == "cp1252" else "") or chr(byte) for byte in text.encode(written)
    )
    read = decode(bad.encode())
    assert (read.text, read.mended) == (text, True)
    assert read.told == "글자가 깨진 채 저장된 글을 되돌려 읽었습니다"


def named(byte: int) -> str:
    return bytes((byte,)).decode("cp1252", "ignore")


@pytest.mark.parametrize(
    "text",
    [
        "���� å���� �����ô� ���� ����",
        "골목 끝 책방은 占쏙옙占쏙옙 연다 占쏙옙占쏙옙占쏙옙",
        KOREAN.encode().decode("cp949", "replace").replace("�", "?"),
        "오늘의 책: " + "ì±…ë°©ì€ ì—´í•œ ì‹œì— ë¬¸ì„ ì—°ë‹¤. " * 3,
    ],
)
def test_a_text_whose_letters_are_lost_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="깨진"):
        decode(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        *WESTERN,
        "“It’s a café — “résumé”, she said. Don’t go.” " * 20,
        "옛글이 깨져 “占쏙옙”이나 �처럼 보일 때가 있다. 이유는 인코딩이다.",
        "`Ã©`는 é가 두 번 인코딩된 것이다. 이 글은 그 이야기를 한다.",
        "펲시와 뷁이라는 말을 하며 똠방각하를 보았다. 그리고 집으로 돌아와 잠을 잤다.",
        "今日は天気がいいですね。散歩に行きましょう。",
        "Сегодня хорошая погода",
    ],
)
def test_text_in_utf_8_that_only_looks_odd_is_left_alone(text: str) -> None:
    assert decode(text.encode()) == (text, "utf-8", 0, False)


def test_bytes_at_random_are_no_text() -> None:
    dice = random.Random(1)
    for _ in range(500):
        for least in (0, 0x20, 0x80):
            noise = bytes(dice.randrange(least, 256) for _ in range(80))
            with pytest.raises(Unreadable):
                decode(noise)


@pytest.mark.parametrize(
    "data",
    [
        KOREAN.encode("utf-8")[:-1] + b"\xff",
        b"\xef\xbb\xbf" + KOREAN.encode("cp949"),
        b"\xff\xfea",
        b"GIF89a\x00\x01",
        KOREAN.encode("utf-16-le")[:-1],
        KOREAN.encode("utf-8")[:40] + b"\0" + KOREAN.encode("utf-8")[40:],
        KOREAN.encode("cp949")[:-1],
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
