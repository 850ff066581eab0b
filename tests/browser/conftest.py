"""A real-looking article with drawn pictures, and a Chromium to look at it with."""

# ruff: noqa: E501 - Korean prose, a paragraph a line

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from fabula.documents.base import content_hash
from fabula.documents.magazine import (
    Citation,
    LayoutParagraph,
    LayoutSection,
    MagazineLayout,
    Picture,
    SectionType,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Scene = tuple[str, tuple[int, int], tuple[str, str, str, str]]
SCENES: tuple[Scene, ...] = (
    (
        "해 질 무렵 지붕 너머로 보이는 낮은 산",
        (1280, 853),
        ("#f3c9a5", "#f6e7d2", "#8a5a44", "#3f2f2a"),
    ),
    ("안개 낀 아침의 천변 산책길", (960, 1280), ("#b8cbd0", "#eef2ee", "#5f7f7a", "#2f4a49")),
    ("늦은 밤 불 켜진 서점의 창", (1200, 1200), ("#1d2440", "#39406b", "#e0a84f", "#10142a")),
    ("봄볕이 드는 골목의 화분들", (1280, 720), ("#dfe9c9", "#f7f5e6", "#7fa05a", "#40602f")),
    ("비 온 뒤 시장 어귀의 천막", (900, 1300), ("#a9b7c9", "#e3e8ef", "#c2574b", "#473a4d")),
    ("작업대 위에 놓인 나무 그릇", (1280, 960), ("#ead9c0", "#f8f0e2", "#a8713d", "#4b331f")),
)
CARDS: tuple[tuple[SectionType, str, tuple[str, ...]], ...] = (
    (
        "intro",
        "문을 열면 먼저 종이 냄새가 난다",
        (
            "토요일 아침 아홉 시, 연희동 골목 끝의 작은 문이 열립니다. 간판은 없고 유리창에 붙은 손글씨 한 장이 전부입니다. 안으로 들어서면 왼쪽 벽을 가득 채운 책장과 오래된 나무 사다리가 보이고, 그 아래에서 주인은 어제 들어온 헌책의 먼지를 붓으로 털고 있습니다.",
            "이 글은 그런 가게 여섯 곳을 다녀온 사람들의 기록에서 출발했습니다. 빠르게 사고 빠르게 잊는 도시에서, 왜 어떤 사람들은 굳이 느린 장소를 만들고 또 지키는 것일까요. 서로 다른 여섯 편의 글을 나란히 놓고 읽으며 그 까닭을 찾아보았습니다.",
        ),
    ),
    (
        "spotlight",
        "천변을 따라 걷는 한 시간",
        (
            "홍제천의 산책길은 물이 낮은 자리를 그대로 따라갑니다. 글쓴이는 평일 아침 여섯 시 반에 집을 나서 사천교까지 걷고 돌아오는 데 한 시간 십 분이 걸린다고 적었습니다. 계절마다 물소리의 높이가 달라서, 눈을 감고 걸어도 지금이 몇 월인지 알 것 같다고 합니다.",
            "흥미로운 것은 그가 걷기를 운동이라고 부르지 않는다는 점입니다. 그에게 이 시간은 하루의 첫 문장을 고르는 시간에 가깝습니다. 걸으면서 떠오른 말을 집에 돌아와 한 줄만 적어 두는데, 삼 년 동안 모인 줄이 벌써 공책 네 권을 채웠다고 합니다.",
            "천변에는 비슷한 사람이 여럿 있습니다. 매일 같은 의자에 앉아 같은 방향을 보는 할머니, 오리의 수를 세는 초등학생, 물가의 쓰레기를 줍는 퇴직 교사가 서로의 이름은 모른 채 인사를 나눕니다.",
        ),
    ),
    (
        "curation_card",
        "밤 열한 시까지 불을 켜 두는 서점",
        (
            "망원동의 이 서점은 퇴근이 늦은 사람을 위해 밤 열한 시에 문을 닫습니다. 계산대 옆에는 손님이 두고 간 문장을 적는 공책이 있고, 주인은 한 달에 한 번 그 가운데 하나를 골라 창에 붙입니다. 책을 팔기보다 머무를 까닭을 파는 곳이라고 글쓴이는 말합니다.",
            "의자는 다섯 개뿐이지만 앉는 시간에는 제한이 없습니다.",
        ),
    ),
    (
        "curation_card",
        "화분이 먼저 인사하는 골목",
        (
            "서촌의 어느 골목에서는 집집마다 문 앞에 화분을 내놓습니다. 누가 먼저 시작했는지는 아무도 모르지만, 여행을 떠난 이웃의 화분에는 누군가 꼭 물을 줍니다. 글쓴이는 이 골목을 걷다가 길을 잃은 적이 한 번도 없다고 적었습니다. 화분의 생김새로 모퉁이를 기억하기 때문입니다.",
        ),
    ),
    (
        "curation_card",
        "비 오는 날에만 여는 국숫집",
        (
            "시장 어귀의 국숫집은 비가 와야 문을 엽니다. 맑은 날에는 주인이 밭에 나가기 때문입니다. 일기예보를 보고 찾아온 손님들은 처음 만난 사이에도 자연스럽게 자리를 나눠 앉고, 국물이 끓는 동안 서로의 우산을 대신 털어 줍니다.",
        ),
    ),
    (
        "curation_card",
        "그릇 하나에 들이는 석 달",
        (
            "나무를 깎는 이 공방에서는 그릇 하나를 마무리하는 데 석 달이 걸립니다. 깎는 일은 하루면 되지만 말리는 일은 재촉할 수 없습니다. 글쓴이는 주문하고 기다린 그 석 달이 그릇값에 들어 있다고 썼습니다.",
        ),
    ),
    (
        "closing",
        "느린 것은 남는다",
        (
            "여섯 곳의 주인들은 서로를 모릅니다. 그러나 그들이 남긴 말은 이상할 만큼 닮았습니다. 오래 걸리는 일을 일부러 골랐다는 것, 그리고 그 시간을 손님과 나누어 가진다는 것입니다.",
            "이번 주말에는 지도를 끄고 한 정거장 먼저 내려 보아도 좋겠습니다. 돌아오는 길에 한 줄을 적어 둔다면 그것으로 충분합니다.",
        ),
    ),
)
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
LONG_TITLE = "가나다라마바사아자차카타파하" * 12


@cache
def drawn(number: int) -> bytes:
    """Draw one of the six scenes: sky, sun, three ridges."""
    from PIL import Image, ImageDraw

    _, (width, height), (sky, glow, ridge, dark) = SCENES[number]
    top, low = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (sky, glow))
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for y in range(height):
        share = y / height
        mixed = tuple(round(a + (b - a) * share) for a, b in zip(top, low, strict=True))
        draw.line((0, y, width, y), fill=mixed)
    sun = width // 7
    x, y = width * (2 + number) // 9, height * (30 + 4 * number) // 100
    draw.ellipse((x - sun, y - sun, x + sun, y + sun), fill=glow)
    for step, colour in enumerate((ridge, dark)):
        base = height * (62 + 16 * step) // 100
        points = [(0, height), (0, base)]
        for part in range(1, 9):
            lift = ((part * 37 + number * 53 + step * 71) % 100) * height // 600
            points.append((width * part // 8, base - lift))
        draw.polygon([*points, (width, height)], fill=colour)
    out = BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def picture(number: int) -> Picture:
    data = drawn(number)
    return Picture(
        hash=content_hash(data.hex()), name=f"picture-{number + 1}.jpg", alt=SCENES[number][0]
    )


def all_pictures() -> dict[str, bytes]:
    return {picture(number).hash: drawn(number) for number in range(len(SCENES))}


def build_article(template_id: str, *, pictures: bool = True, hard: bool = False) -> MagazineLayout:
    """Build the sample article; `hard` adds very long words, a placeholder and both badges."""
    sections = []
    for number, (kind, heading, paragraphs) in enumerate(CARDS):
        note = number % len(SCENES) + 1
        sections.append(
            LayoutSection(
                section_id=f"s{number + 1}",
                type=kind,
                status="written",
                heading=f"{heading} {LONG_WORD}" if hard and number % 2 else heading,
                paragraphs=tuple(
                    LayoutParagraph(
                        text=f"{LONG_WORD} {text} {LONG_TITLE}" if hard else text,
                        citations=(note, note % len(SCENES) + 1) if index == 0 else (note,),
                    )
                    for index, text in enumerate(paragraphs)
                ),
                picture=picture(note - 1) if pictures and kind != "closing" else None,
                reason=None,
            )
        )
    if hard:
        sections.insert(
            3,
            LayoutSection(
                section_id="s-empty",
                type="curation_card",
                status="placeholder",
                heading="",
                paragraphs=(),
                picture=None,
                reason="문단 1: 42자, 160자 이상이어야 합니다",
            ),
        )
    return MagazineLayout(
        title=LONG_TITLE if hard else "느린 가게들이 지키는 것",
        dek=f"{LONG_WORD}"
        if hard
        else "빠르게 사고 빠르게 잊는 도시에서, 일부러 오래 걸리는 일을 고른 여섯 곳의 이야기",
        angle="느린 장소를 지키는 사람들",
        template_id=template_id,
        status="degraded" if hard else "complete",
        date=None,
        offline=hard,
        sections=tuple(sections),
        citations=tuple(
            Citation(
                number=number,
                post_id=f"post-{number}",
                title=LONG_WORD if hard else f"{alt}에 대하여",
                author="김서연" if number % 2 else None,
                url=f"https://example.com/{'very-long-path-' * 20 if hard else ''}{number}"
                if number != 4
                else "javascript:alert(1)",
                date=None,
            )
            for number, (alt, _, _) in enumerate(SCENES, start=1)
        ),
    )


@pytest.fixture
def article() -> Callable[..., MagazineLayout]:
    return build_article


@pytest.fixture
def pictures() -> dict[str, bytes]:
    return all_pictures()


# Playwright keeps an event loop running while it is open: past this folder no async test could run.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs the Debian package `chromium`: apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()
