"""Seen on a table: the meal, the basket, the letter."""

# ruff: noqa: C901, PLR0917, PLR2004 - a drawing is long lists of coordinates

from __future__ import annotations

import math

from pictures.brush import Picture, box, curve, ellipse, turned


def _bowl(p: Picture, x: float, y: float, r: float, glaze: str, inside: str) -> None:
    p.shadow(ellipse(x, y, r, r), dx=r * 0.14, dy=r * 0.2, blur=r * 0.14, strength=0.45)
    p.shape(ellipse(x, y, r, r), glaze, shade=(0.8, 0.8, 0.28))
    p.shape(ellipse(x, y, r * 0.84, r * 0.84), inside, shade=(-0.8, -0.8, 0.3))


def salt_ferry(p: Picture) -> None:
    p.wash("#b98a55", "#9d6f40")
    for k in range(11):
        p.line(
            curve((0, 30 + 76 * k), (420, 44 + 76 * k), (820, 26 + 76 * k), (1200, 42 + 76 * k)),
            "#84592f",
            3,
            alpha=0.5,
        )
    mat = box(130, 84, 940, 640, turn=-2)
    p.shadow(mat, dx=10, dy=18)
    p.shape(mat, "#33463f", shade=(1, 1, 0.2))
    p.shape(box(152, 104, 896, 600, turn=-2), "#3d544b")
    x, y = 470.0, 400.0
    p.shadow(ellipse(x, y, 226, 226), dx=24, dy=34, blur=26, strength=0.5)
    for side in (-1, 1):
        p.shape(box(x + side * 236 - 34, y - 44, 68, 88), "#241d1a", shade=(1, 1, 0.3))
    p.shape(ellipse(x, y, 226, 226), "#2c2420", shade=(0.9, 0.9, 0.35))
    p.shape(ellipse(x, y, 192, 192), "#191412")
    p.shape(ellipse(x, y + 4, 180, 180), "#f0e2c2", shade=(1, 1, 0.2))
    p.dots(
        [
            ellipse(x + r * math.cos(t), y + r * math.sin(t), 8, 4.2, turn=p.between(0, 180))
            for r, t in ((p.between(0, 168), p.between(0, 6.3)) for _ in range(230))
        ],
        "#fff8e6",
        alpha=0.9,
    )
    for k in range(15):
        t, r = k * 2.4, 30 + 9.2 * k
        mx, my, s = x + r * math.cos(t), y + r * math.sin(t) * 0.95, p.between(0.8, 1.25)
        a = p.between(0, 360)
        p.shape(
            turned(box(mx - 8 * s, my, 16 * s, 36 * s), mx, my, a), "#e9d3ae", shade=(1, 0, 0.2)
        )
        p.shape(
            turned(
                [
                    *curve(
                        (mx - 34 * s, my + 6 * s),
                        (mx, my - 34 * s),
                        (mx + 34 * s, my + 6 * s),
                        (mx, my + 14 * s),
                    )
                ],
                mx,
                my,
                a,
            ),
            p.one_of(["#8a5a38", "#a87247", "#6d452c"]),
            shade=(1, 1, 0.25),
        )
    p.dots(
        [
            ellipse(x + r * math.cos(t), y + r * math.sin(t), 7, 3, turn=p.between(0, 180))
            for r, t in ((p.between(0, 150), p.between(0, 6.3)) for _ in range(50))
        ],
        "#6f9a4a",
    )
    p.dots(
        [
            ellipse(x + r * math.cos(t), y + r * math.sin(t), 3, 2.2)
            for r, t in ((p.between(0, 160), p.between(0, 6.3)) for _ in range(80))
        ],
        "#3a2b1c",
    )
    p.line(
        curve((x - 110, y - 70), (x - 40, y - 120), (x + 60, y - 104)),
        "#ffe9a6",
        7,
        alpha=0.45,
        blur=2,
    )
    _bowl(p, 800, 232, 92, "#e8e4d6", "#b85a34")
    for _ in range(22):
        bx, by = 800 + p.between(-50, 50), 232 + p.between(-50, 50)
        p.line(
            curve((bx - 16, by), (bx, by + p.between(-12, 12)), (bx + 18, by + 4)),
            p.one_of(["#f0d8b0", "#d98a55", "#e6bd8a"]),
            6,
        )
    _bowl(p, 952, 384, 78, "#8fa8a3", "#5d3a22")
    for k in range(6):
        p.shape(
            box(916 + (k % 3) * 26, 352 + (k // 3) * 34, 24, 26, turn=p.between(-18, 18)),
            "#f3e3b8",
            shade=(0, 1, 0.3),
        )
    _bowl(p, 806, 500, 96, "#f2ead8", "#f3cf6a")
    p.shape(ellipse(802, 494, 62, 58), "#f7dc86", wobble=4)
    p.dots(
        [ellipse(802 + p.between(-40, 40), 494 + p.between(-36, 36), 5, 3) for _ in range(16)],
        "#5f8a4a",
    )
    _bowl(p, 962, 590, 66, "#b7654a", "#efe4cb")
    p.dots(
        [
            ellipse(
                962 + p.between(-36, 36), 590 + p.between(-36, 36), 12, 7, turn=p.between(0, 180)
            )
            for _ in range(14)
        ],
        "#c2452c",
    )
    for dy in (0, 18):
        p.shadow(box(250, 664 + dy, 430, 8, turn=-3), dx=4, dy=6, blur=5)
        p.line([(250, 684 + dy), (680, 656 + dy)], "#5a3620", 8)
    p.steam(430, 240, 170)
    p.glow(240, 60, 560, "#fff0c4", 0.32)


def basket_ten(p: Picture) -> None:
    x: float
    p.wash("#e8c887", "#d8a95a")
    for k in range(9):
        p.shape(box(140 * k - 20, 0, 70, 800), "#efd7a0", alpha=0.35)
    p.shape(box(0, 640, 1200, 160), "#a8653a", shade=(0, 1, 0.3))
    basket = [(330, 440), (870, 440), (820, 730), (380, 730)]
    p.shadow(basket, dx=40, dy=20, blur=24, strength=0.4)
    p.line(curve((350, 450), (380, 210), (600, 120), (820, 210), (850, 450)), "#a4713a", 20)
    for k, dx in enumerate((0, 26, 52, 78)):
        top = (430 + dx * 1.5, 96 + 16 * (k % 2))
        p.line(curve((486 + dx * 0.6, 470), (470 + dx, 300), top), "#eaf0dc", 21)
        p.line(curve((474 + dx, 320), (452 + dx * 1.3, 190), top), "#4f8a4c", 19)
        p.line(curve((474 + dx, 280), (420 + dx * 1.6, 170), (380 + dx * 1.8, 150)), "#3f7442", 12)
    bread = [
        *curve((620, 470), (640, 330), (700, 236), (762, 222), (786, 280), (760, 380), (720, 480))
    ]
    p.shape(bread, "#b8702f", shade=(1, 0.5, 0.3))
    for k in range(4):
        p.line(
            curve(
                (664 + 20 * k, 410 - 46 * k),
                (700 + 16 * k, 392 - 46 * k),
                (736 + 10 * k, 400 - 44 * k),
            ),
            "#f0cf96",
            9,
        )
    p.shape(box(776, 330, 74, 130, turn=12), "#f6efdf", shade=(1, 0, 0.2))
    p.shape(box(788, 352, 52, 56, turn=12), "#c8553d")
    for x, y, r in ((560, 404, 50), (638, 424, 46), (408, 414, 48), (482, 424, 42)):
        p.shape(ellipse(x, y, r, r * 0.88), "#e86f2b", shade=(1, 1, 0.3))
        p.shape(ellipse(x - r * 0.35, y - r * 0.3, r * 0.2, r * 0.14), "#ffc78e")
        for a in range(4):
            p.shape(
                turned(
                    [(x, y - r * 0.72), (x + r * 0.34, y - r * 0.86), (x + r * 0.1, y - r * 0.58)],
                    x,
                    y - r * 0.7,
                    90 * a,
                ),
                "#7d8a3f",
            )
    p.shape(basket, "#c08a48", shade=(1, 0.3, 0.3))
    for k in range(7):
        y = 456 + 39 * k
        inset = 8 * k
        for j in range(12):
            x = 334 + inset + j * (540 - 2 * inset) / 12
            w = (540 - 2 * inset) / 12
            p.shape(
                ellipse(x + w / 2, y + (9 if j % 2 else 0), w * 0.56, 15),
                "#dcae66" if (j + k) % 2 else "#a87338",
                shade=(0, 1, 0.25),
            )
    p.shape(box(318, 428, 564, 26), "#d6a55c", shade=(0, 1, 0.3))
    for j in range(18):
        p.line([(328 + 31 * j, 430), (346 + 31 * j, 452)], "#a87338", 4)
    tofu = [(930, 640), (1070, 640), (1070, 722), (930, 722)]
    p.shadow(tofu, dx=22, dy=8)
    p.shape([(930, 640), (1070, 640), (1096, 612), (960, 612)], "#fffaf0")
    p.shape([(1070, 640), (1096, 612), (1096, 694), (1070, 722)], "#d9ccb4")
    p.shape(tofu, "#f3ead8")
    for x, y, c in ((190, 690, "#c8553d"), (246, 706, "#3f6f6a"), (150, 716, "#e9b53f")):
        p.shadow(box(x - 22, y - 40, 44, 56), dx=10, dy=6, blur=8)
        p.shape(box(x - 20, y - 34, 40, 44), c, shade=(1, 0, 0.3))
        for k in range(4):
            p.line(
                [(x - 19, y - 26 + 10 * k), (x + 19, y - 29 + 10 * k)], "#fff3da", 1.6, alpha=0.4
            )
        for yy in (y - 38, y + 12):
            p.shape(ellipse(x, yy, 24, 7), "#9a6b3f")
    p.shape(ellipse(214, 470, 34, 46, turn=24), "#6d4328", shade=(1, 1, 0.3))
    p.line([(224, 500), (280, 660)], "#6d4328", 15)
    p.shape(ellipse(211, 464, 22, 32, turn=24), "#532f1b")
    p.glow(200, 90, 520, "#fff2c6", 0.4)


def _maple(p: Picture, x: float, y: float, s: float, color: str, turn: float) -> None:
    right = [
        (-90, 1.0),
        (-80, 0.68),
        (-76, 0.74),
        (-68, 0.4),
        (-58, 0.72),
        (-54, 0.66),
        (-44, 0.98),
    ]
    right += [(-36, 0.66), (-30, 0.7), (-24, 0.38), (-12, 0.56), (-2, 0.86), (6, 0.52), (24, 0.34)]
    right += [(40, 0.5), (52, 0.3), (84, 0.2)]
    outline = [*right, *((180 - a, r) for a, r in reversed(right[1:]))]
    points = [
        (x + s * r * math.cos(math.radians(a)), y + s * r * math.sin(math.radians(a)))
        for a, r in outline
    ]
    p.shadow(turned(points, x, y, turn), dx=7, dy=9, blur=6)
    p.shape(turned(points, x, y, turn), color, shade=(1, 1, 0.25), wobble=3)
    for degrees, r in ((-90, 0.85), (-44, 0.8), (-136, 0.8), (-2, 0.66), (182, 0.66)):
        a = math.radians(degrees + turn)
        p.line([(x, y), (x + s * r * math.cos(a), y + s * r * math.sin(a))], "#8f2f1f", 2.4)
    a = math.radians(turn + 86)
    p.line([(x, y), (x + s * 0.95 * math.cos(a), y + s * 0.95 * math.sin(a))], "#8f2f1f", 3.6)


def letter_in_book(p: Picture) -> None:
    p.wash("#2b4257", "#20334a")
    for k in range(16):
        p.line([(0, 60 * k - 20), (1200, 60 * k - 20)], "#35506a", 9, alpha=0.5)
        p.line([(80 * k, 0), (80 * k, 800)], "#35506a", 9, alpha=0.35)
    cover = [(140, 150), (1060, 150), (1084, 700), (116, 700)]
    p.shadow(cover, dx=14, dy=26, blur=26, strength=0.6)
    p.shape(cover, "#7d3a2c")
    for k in range(4):
        p.shape(
            [(160 + 3 * k, 140 + 3 * k), (600, 150), (600, 690), (140 + 3 * k, 690 - 3 * k)],
            "#d9c7a2" if k % 2 else "#efe2c4",
        )
        p.shape(
            [(600, 150), (1040 - 3 * k, 140 + 3 * k), (1060 - 3 * k, 690 - 3 * k), (600, 690)],
            "#d9c7a2" if k % 2 else "#efe2c4",
        )
    left = [
        (172, 150),
        *curve((172, 148), (330, 130), (500, 138), (600, 166)),
        (600, 686),
        *curve((600, 686), (480, 664), (320, 664), (152, 682)),
    ]
    right = [
        *curve((600, 166), (700, 138), (870, 130), (1028, 148)),
        *curve((1048, 682), (880, 664), (720, 664), (600, 686)),
    ]
    p.shape(left, "#f6ead0", shade=(1, 0, 0.18))
    p.shape(right, "#f8eed8", shade=(-1, 0, 0.18))
    for k in range(15):
        y = 206 + 29 * k
        p.line(
            curve((212 - k * 0.8, y), (390, y - 13), (556 - (90 if k % 6 == 5 else 0), y + 8)),
            "#9d8c70",
            4.5,
            alpha=0.75,
        )
        p.line(
            curve((646, y + 8), (800, y - 13), (988 + k * 0.8 - (120 if k % 5 == 3 else 0), y)),
            "#9d8c70",
            4.5,
            alpha=0.75,
        )
    p.shadow(box(594, 160, 12, 526), dx=0, dy=0, blur=14, strength=0.4)
    sheet = box(470, 250, 340, 390, turn=9)
    p.shadow(sheet, dx=14, dy=20, blur=14, strength=0.45)
    p.shape(sheet, "#fdf6e3", shade=(1, 1, 0.12))
    p.line(turned([(470, 445), (810, 445)], 640, 445, 9), "#d9c9a4", 3)
    for k in range(10):
        y = 296 + 31 * k
        knots = [
            (502 + 22 * j, y + (5 if j % 2 else -4) * p.between(0.4, 1.2))
            for j in range(13 if k % 4 != 3 else 8)
        ]
        p.line(turned(curve(*knots, steps=6), 640, 445, 9), "#2d4468", 2.6, alpha=0.85)
    p.shape(turned(box(700, 590, 100, 46), 640, 445, 9), "#e8cf95", alpha=0.4)
    _maple(p, 300, 560, 96, "#d2512c", 24)
    _maple(p, 1010, 250, 62, "#e0952c", -30)
    pen = turned(box(880, 560, 26, 250), 893, 685, 58)
    p.shadow(pen, dx=8, dy=16, blur=10, strength=0.5)
    p.shape(pen, "#24211f", shade=(1, 0, 0.3))
    p.shape(turned([(880, 560), (906, 560), (893, 508)], 893, 685, 58), "#d9b45a")
    p.shape(turned(box(878, 640, 30, 12), 893, 685, 58), "#d9b45a")
    p.beam([(0, 0), (380, 0), (1200, 620), (1200, 800), (900, 800)], "#ffe8b0", 0.3, blur=50)
