"""The bakery before dawn, the cats on their wall, the Friday market."""

# ruff: noqa: C901, PLR0917, PLR2004 - a drawing is long lists of coordinates

from __future__ import annotations

from pictures.brush import Picture, box, curve, ellipse


def mill_interview(p: Picture) -> None:
    p.wash("#141b36", "#3a3352")
    p.dots(
        [ellipse(p.between(0, 1200), p.between(0, 210), 1.7, 1.7) for _ in range(80)],
        "#f3ead0",
        alpha=0.8,
    )
    p.shape(ellipse(1060, 90, 34, 34), "#f4e6bd")
    p.shape(ellipse(1046, 82, 31, 31), "#19203c")
    for x, w, h, c in (
        (-20, 230, 460, "#20274a"),
        (960, 260, 430, "#222849"),
        (180, 120, 380, "#1b2142"),
    ):
        p.shape(box(x, 640 - h, w, h), c, shade=(1, 0, 0.3))
    for x, y in ((40, 250), (120, 250), (1010, 290), (1100, 390)):
        p.shape(box(x, y, 40, 54), "#141a33")
    p.shape(box(1100, 290, 40, 54), "#d9a550", alpha=0.8)
    p.shape(box(0, 640, 1200, 160), "#2a2946", shade=(0, 1, 0.4))
    for k in range(22):
        p.shape(
            ellipse(30 + 56 * k + p.between(-9, 9), 700 + 34 * (k % 3), 32, 9), "#34335a", alpha=0.6
        )
    front = box(270, 170, 690, 476)
    p.shape(front, "#7a3f2e", shade=(1, 0, 0.3))
    for k in range(9):
        for j in range(12):
            p.line(
                [
                    (280 + 54 * j + (k % 2) * 24, 186 + 52 * k),
                    (318 + 54 * j + (k % 2) * 24, 186 + 52 * k),
                ],
                "#673325",
                3,
                alpha=0.5,
            )
    window = box(320, 330, 400, 240)
    p.shape(box(306, 316, 428, 268), "#3c2418")
    p.shape(window, "#f8c766", shade=(0, 1, 0.18))
    p.shape(box(320, 420, 400, 10), "#8d5527")
    p.shape(box(320, 520, 400, 50), "#8d5527", shade=(0, 1, 0.3))
    for x in range(348, 710, 62):
        c = p.one_of(["#c47a35", "#b5662a", "#d69448"])
        p.shape(ellipse(x, 402, 27, 19), c, shade=(0.5, 1, 0.35))
        p.line(curve((x - 12, 398), (x, 390), (x + 12, 396)), "#f3d9a4", 3.5)
    for x in range(356, 700, 84):
        p.shape(ellipse(x, 498, 38, 24), p.one_of(["#a85c26", "#bf7434"]), shade=(0.5, 1, 0.35))
        for k in (-14, 0, 14):
            p.line([(x + k - 6, 506), (x + k + 5, 482)], "#f0d09a", 3.5)
    p.shape(
        [(560, 452), (632, 452), (648, 548), (544, 548)],
        "#e3d8c4",
        within=window,
        shade=(1, 0, 0.2),
    )
    p.shape([(574, 462), (618, 462), (626, 548), (566, 548)], "#6f8f8a", shade=(1, 0, 0.2))
    p.shape(ellipse(596, 428, 23, 26), "#d9a277")
    p.shape(
        [(568, 418), (624, 418), (630, 388), (612, 376), (580, 376), (562, 390)],
        "#fbf6ea",
        shade=(1, 0, 0.15),
    )
    p.line(curve((566, 470), (536, 510), (566, 540)), "#e3d8c4", 18)
    p.line(curve((626, 470), (658, 510), (630, 540)), "#e3d8c4", 18)
    p.shape(ellipse(598, 546, 50, 15), "#f6ead0", shade=(0, 1, 0.25))
    p.line([(520, 330), (520, 570)], "#3c2418", 8)
    p.shape(box(776, 330, 128, 316), "#3c2418")
    p.shape(box(788, 344, 104, 292), "#52705f", shade=(1, 0, 0.3))
    p.shape(box(804, 362, 72, 120), "#f8c766")
    p.shape(ellipse(878, 512, 6, 6), "#e7c27a")
    for k in range(10):
        p.shape(
            [(296 + 64 * k, 292), (360 + 64 * k, 292), (366 + 64 * k, 340), (292 + 64 * k, 340)],
            "#f2e3c6" if k % 2 else "#c8553d",
            shade=(0, 1, 0.2),
        )
        p.shape(ellipse(329 + 64 * k, 340, 36, 13), "#f2e3c6" if k % 2 else "#c8553d")
    p.shape(box(430, 208, 370, 58), "#2f1c13")
    for x, r in ((500, 18), (556, 22), (616, 18), (672, 22), (730, 18)):
        p.shape(ellipse(x, 237, r, r * 0.66), "#e8b765", shade=(0, 1, 0.3))
    p.glow(520, 470, 380, "#ffc15a", 0.45)
    p.beam([(310, 584), (734, 584), (900, 800), (120, 800)], "#ffc15a", 0.4, blur=30)
    p.shape([(930, 640), (1010, 640), (1000, 716), (940, 716)], "#a8763f", shade=(1, 0, 0.3))
    for x, y in ((950, 632), (978, 622), (994, 636)):
        p.shape(ellipse(x, y, 24, 15, turn=-20), "#c98543", shade=(0, 1, 0.3))
    p.steam(650, 150, 120, color="#d9d2e6")


def _cat(p: Picture, x: float, y: float, s: float, color: str, mark: str, *, tail: int) -> None:
    p.line(
        curve(
            (x + tail * 34 * s, y - 14 * s),
            (x + tail * 74 * s, y + 20 * s),
            (x + tail * 58 * s, y + 74 * s),
        ),
        color,
        15 * s,
    )
    body = [
        *curve(
            (x - 46 * s, y),
            (x - 42 * s, y - 74 * s),
            (x - 16 * s, y - 118 * s),
            (x + 18 * s, y - 118 * s),
            (x + 44 * s, y - 70 * s),
            (x + 48 * s, y),
        )
    ]
    p.shape(body, color, shade=(-0.8, 0.6, 0.25))
    p.shape(ellipse(x, y - 136 * s, 37 * s, 32 * s), color, shade=(-0.8, 0.6, 0.2))
    for side in (-1, 1):
        p.shape(
            [
                (x + side * 34 * s, y - 142 * s),
                (x + side * 31 * s, y - 188 * s),
                (x + side * 6 * s, y - 164 * s),
            ],
            color,
            wobble=1,
        )
        p.line(
            curve(
                (x + side * 8 * s, y - 140 * s),
                (x + side * 15 * s, y - 134 * s),
                (x + side * 22 * s, y - 140 * s),
            ),
            "#2b211f",
            3.4 * s,
        )
        for k in (-1, 1):
            p.line(
                [(x + side * 20 * s, y - 122 * s), (x + side * 50 * s, y - (122 + k * 7) * s)],
                "#fff6e2",
                1.5 * s,
                alpha=0.8,
            )
    p.shape([(x - 5 * s, y - 128 * s), (x + 5 * s, y - 128 * s), (x, y - 121 * s)], "#c7685c")
    p.shape(
        [*curve((x - 16 * s, y - 100 * s), (x, y - 58 * s), (x + 16 * s, y - 100 * s))],
        mark,
        alpha=0.9,
    )
    p.shape(
        [*curve((x + 20 * s, y - 60 * s), (x + 42 * s, y - 40 * s), (x + 36 * s, y - 12 * s))],
        mark,
        alpha=0.7,
    )


def cat_map(p: Picture) -> None:
    p.wash("#f0916a", "#fbd9a0")
    p.glow(800, 330, 460, "#fff0b4", 0.75)
    p.shape(ellipse(800, 330, 82, 82), "#ffe9b0")
    for k in range(4):
        p.shape(
            [
                *curve(
                    (-60 + 330 * k, 150 + 40 * (k % 2)),
                    (60 + 330 * k, 132 + 40 * (k % 2)),
                    (210 + 330 * k, 150 + 40 * (k % 2)),
                    (60 + 330 * k, 164 + 40 * (k % 2)),
                    (-60 + 330 * k, 150 + 40 * (k % 2)),
                )
            ],
            "#fbe3c2",
            alpha=0.6,
        )
    for x, w, h, c in (
        (0, 180, 210, "#a4586a"),
        (150, 150, 150, "#8d4f6a"),
        (300, 210, 190, "#b0626a"),
        (520, 160, 130, "#96566c"),
        (690, 210, 170, "#a85e68"),
        (900, 140, 220, "#8b4c66"),
        (1020, 200, 160, "#a4586a"),
    ):
        p.shape(box(x, 600 - h, w, h), c, shade=(1, 0, 0.2))
        p.shape(
            [(x - 12, 600 - h), (x + w + 12, 600 - h), (x + w - 12, 566 - h), (x + 12, 566 - h)],
            "#6d3a55",
        )
        p.shape(box(x + w * 0.3, 600 - h + 34, 24, 30), "#ffd98a" if int(x) % 20 else "#7a4560")
    p.shape(box(0, 520, 1200, 280), "#7d5a54", shade=(0, 1, 0.4))
    p.shape(box(0, 504, 1200, 30), "#9a736a", shade=(0, 1, 0.25))
    for k in range(6):
        for j in range(13):
            p.shape(
                box(-50 + 100 * j + (k % 2) * 50, 546 + 44 * k, 92, 37),
                p.one_of(["#8a635b", "#775450", "#926b60"]),
                alpha=0.7,
            )
    p.line(curve((1130, 800), (1110, 560), (1060, 360), (980, 220)), "#4a2f35", 26)
    p.line(curve((1080, 420), (1000, 330), (900, 290), (850, 300)), "#4a2f35", 11)
    p.line(curve((1040, 320), (1100, 220), (1160, 180)), "#4a2f35", 11)
    p.line(curve((990, 240), (930, 150), (860, 120)), "#4a2f35", 9)
    for x, y in (
        (858, 330),
        (925, 322),
        (985, 360),
        (862, 152),
        (930, 190),
        (1010, 250),
        (1110, 250),
        (1160, 214),
        (1076, 420),
    ):
        p.line([(x, y - 40), (x, y - 18)], "#4a2f35", 3)
        p.shape(ellipse(x, y, 26, 24), "#e8622c", shade=(1, 1, 0.3))
        p.shape(ellipse(x - 9, y - 9, 6, 5), "#ffc48a")
        p.shape([(x - 12, y - 20), (x, y - 28), (x + 12, y - 20), (x, y - 14)], "#6d7f3c")
    _cat(p, 250, 512, 1.05, "#e59a4a", "#fbe7c8", tail=-1)
    _cat(p, 430, 512, 1.0, "#33303a", "#f5efe4", tail=1)
    _cat(p, 660, 512, 0.9, "#f3e9da", "#d98a4f", tail=1)
    p.dots(
        [
            ellipse(p.between(0, 1200), p.between(508, 530), 11, 4, turn=p.between(-30, 30))
            for _ in range(16)
        ],
        "#d9763a",
    )


def _person(p: Picture, x: float, y: float, s: float, coat: str, hair: str) -> None:
    for side in (-1, 1):
        p.line([(x + side * 9 * s, y - 40 * s), (x + side * 11 * s, y)], "#33343f", 12 * s)
    p.shape(
        [
            (x - 24 * s, y - 116 * s),
            (x + 24 * s, y - 116 * s),
            (x + 33 * s, y - 32 * s),
            (x - 33 * s, y - 32 * s),
        ],
        coat,
        shade=(1, 0, 0.25),
    )
    p.shape(ellipse(x, y - 138 * s, 20 * s, 22 * s), "#e2b28a")
    p.shape(
        [
            *curve(
                (x - 22 * s, y - 132 * s),
                (x - 20 * s, y - 160 * s),
                (x, y - 166 * s),
                (x + 20 * s, y - 160 * s),
                (x + 22 * s, y - 134 * s),
                (x, y - 150 * s),
            )
        ],
        hair,
    )


def friday_market(p: Picture) -> None:
    p.wash("#bcd9d6", "#f3e6c4")
    p.glow(980, 80, 420, "#fff2bf", 0.6)
    for k, (x, w, h) in enumerate(
        (
            (0, 210, 240),
            (190, 170, 180),
            (350, 240, 270),
            (580, 190, 200),
            (760, 230, 250),
            (980, 240, 190),
        )
    ):
        p.shape(box(x, 420 - h, w, h), ["#d9c6a6", "#c2a58a", "#dfd2bd"][k % 3], shade=(1, 0, 0.2))
        for j in range(3):
            p.shape(box(x + 24 + 56 * j, 420 - h + 34, 28, 40), "#7f96a0", alpha=0.7)
    p.shape(box(0, 420, 1200, 380), "#d8bd8d", shade=(0, 1, 0.25))
    p.line(curve((0, 120), (300, 190), (600, 150), (900, 196), (1200, 110)), "#6d5a4a", 3)
    for k in range(17):
        x = 30 + 70 * k
        y = 128 + 46 * (1 - abs(((x % 600) - 300) / 300))
        p.shape(
            [(x, y), (x + 38, y), (x + 19, y + 40)],
            p.one_of(["#d9643a", "#e9b53f", "#3f7f78", "#f4ecd8", "#b4577c"]),
        )
    _person(p, 330, 618, 1.0, "#6f8f7a", "#7a7468")
    _person(p, 640, 606, 0.95, "#c9855a", "#2f2622")
    _person(p, 940, 616, 1.0, "#54708c", "#d9d3c8")
    stalls = ((120, "#d24f36", "#f7ecd6"), (480, "#2f7a74", "#f3e3bd"), (840, "#e0a02e", "#fbf2dd"))
    for n, (x, a, b) in enumerate(stalls):
        for px in (x + 6, x + 282):
            p.line([(px, 330), (px, 700)], "#7a5637", 9)
        for k in range(8):
            c = a if k % 2 else b
            p.shape(
                [
                    (x - 30 + 44 * k, 380),
                    (x + 14 + 44 * k, 380),
                    (x + 30 + 33 * k + 10, 290),
                    (x + 30 + 33 * k - 22, 290),
                ],
                c,
                shade=(0, 1, 0.2),
            )
            p.shape(ellipse(x - 8 + 44 * k, 380, 23, 15), c)
        counter = box(x - 16, 560, 320, 150)
        p.shadow(counter, dx=22, dy=16)
        p.shape(counter, "#9a6a3e", shade=(1, 0, 0.25))
        for k in range(3):
            p.line([(x - 16, 610 + 34 * k), (x + 304, 610 + 34 * k)], "#835631", 3)
        for k in range(3):
            cx = x + 40 + 105 * k
            p.shape(
                [(cx - 46, 560), (cx + 46, 560), (cx + 40, 590), (cx - 40, 590)],
                "#c99a5c",
                shade=(0, 1, 0.3),
            )
            _produce(p, (n * 3 + k) % 5, cx, 556)
    _person(p, 420, 772, 1.25, "#b4577c", "#2b2220")
    _person(p, 500, 776, 0.85, "#e9b53f", "#4a3528")
    _person(p, 790, 780, 1.25, "#3f5f6f", "#3a2a22")
    p.shape(ellipse(840, 742, 30, 18), "#c99a5c")
    p.line(curve((814, 736), (840, 690), (866, 736)), "#8a6237", 5)


def _produce(p: Picture, kind: int, x: float, y: float) -> None:
    for k in range(9):
        dx, dy = (k % 4 - 1.5) * 21 + (k // 4) * 8, -(k // 4) * 17
        if kind == 0:
            p.shape(ellipse(x + dx, y + dy, 14, 13), "#e8702c", shade=(1, 1, 0.3))
        elif kind == 1:
            p.shape(box(x + dx - 4, y + dy - 10, 9, 16), "#f1e4cb")
            p.shape(
                [
                    *curve(
                        (x + dx - 16, y + dy - 6), (x + dx, y + dy - 24), (x + dx + 16, y + dy - 6)
                    )
                ],
                "#8d6042",
            )
        elif kind == 2:
            p.line([(x + dx, y + 6), (x + dx * 1.2, y - 34)], "#5f8a4a", 4)
            p.shape(
                ellipse(x + dx * 1.2, y - 38 + dy * 0.4, 12, 11),
                p.one_of(["#e9b53f", "#d9643a", "#f7ecd6", "#c77aa0"]),
                shade=(1, 1, 0.2),
            )
        elif kind == 3:
            p.shape(ellipse(x + dx, y + dy, 13, 17, turn=20), "#7fa04f", shade=(1, 1, 0.3))
        else:
            p.shape(ellipse(x + dx, y + dy, 15, 11), "#c08a4e", shade=(1, 1, 0.3))
