"""Places of work: the potter, the tailor, the carpenter."""

# ruff: noqa: PLR2004 - a drawing is long lists of coordinates

from __future__ import annotations

import math

from pictures.brush import Picture, box, curve, ellipse, turned


def wheel_diary(p: Picture) -> None:
    p.wash("#d9cbb4", "#b8a387")
    window = box(70, 70, 300, 330)
    p.shape(box(52, 52, 336, 366), "#8a6f52")
    p.shape(window, "#dcebe6")
    p.shape(
        [(70, 330), (180, 270), (290, 320), (370, 280), (370, 400), (70, 400)],
        "#8fae8a",
        within=window,
    )
    for x, y in ((250, 150), (300, 210), (200, 120), (330, 190)):
        p.shape(ellipse(x, y, 15, 14), "#e5702c", shade=(1, 1, 0.3))
    p.line(curve((180, 100), (250, 130), (320, 180), (366, 240)), "#5f4634", 7)
    p.line([(220, 70), (220, 400)], "#8a6f52", 10)
    for y in (180, 330):
        p.shape(box(690, y, 460, 16), "#7a5a3d", shade=(0, 1, 0.3))
    pots = (
        (720, 180, 40, 70, "#c9d3bd"),
        (806, 180, 34, 98, "#3a3a3f"),
        (886, 180, 46, 50, "#f3ecdc"),
        (980, 180, 34, 84, "#a7b98a"),
        (1070, 180, 48, 64, "#d9a27a"),
        (740, 330, 52, 58, "#f3ecdc"),
        (850, 330, 38, 88, "#8fa37a"),
        (950, 330, 42, 52, "#45454b"),
        (1060, 330, 40, 96, "#e3d6b8"),
    )
    for x, y, r, h, c in pots:
        p.shape(
            [
                *curve((x - r * 0.6, y), (x - r, y - h * 0.5), (x - r * 0.7, y - h)),
                *curve((x + r * 0.7, y - h), (x + r, y - h * 0.5), (x + r * 0.6, y)),
            ],
            c,
            shade=(1, 0, 0.32),
        )
        p.shape(ellipse(x, y - h, r * 0.7, 7), "#5d4a3a", alpha=0.8)
    p.beam([(80, 80), (360, 80), (1060, 800), (520, 800)], "#fff2c9", 0.45, blur=34)
    p.shape(box(0, 690, 1200, 110), "#6a5240", shade=(0, 1, 0.4))
    frame = [(300, 610), (900, 610), (940, 800), (260, 800)]
    p.shape(frame, "#4f5f63", shade=(1, 0, 0.35))
    p.shape(ellipse(600, 612, 322, 74), "#76888a", shade=(1, 0, 0.25))
    p.shape(ellipse(600, 600, 300, 66), "#3f4c50")
    p.shape(ellipse(600, 582, 214, 46), "#a6aba3", shade=(1, 0, 0.2))
    for r in (190, 150, 110):
        ring = ellipse(600, 582, r, r * 0.21)
        p.line([*ring, ring[0]], "#8b918a", 2, alpha=0.8)
    clay = [
        *curve((512, 580), (470, 500), (452, 420), (470, 372)),
        *curve((744, 364), (756, 420), (726, 504), (684, 580)),
    ]
    p.shadow(clay, dx=46, dy=12, blur=20, strength=0.35)
    p.shape(clay, "#a9744f", shade=(1, 0, 0.42))
    p.shape(ellipse(607, 369, 138, 34, turn=-2), "#c2906a")
    p.shape(ellipse(607, 371, 118, 25, turn=-2), "#6d4229", shade=(-1, 0, 0.3))
    for k in range(6):
        y = 404 + 30 * k
        half = 146 - 13 * k - (8 if k == 0 else 0)
        p.line(
            curve((604 - half, y), (604, y + 24), (604 + half, y - 2)), "#c99a74", 2.6, alpha=0.55
        )
    left = [
        *curve(
            (240, 560),
            (330, 470),
            (420, 420),
            (464, 440),
            (470, 470),
            (420, 500),
            (360, 560),
            (300, 640),
        )
    ]
    right = [
        *curve(
            (960, 560),
            (880, 460),
            (800, 400),
            (748, 402),
            (738, 434),
            (790, 480),
            (850, 560),
            (900, 640),
        )
    ]
    for hand in (left, right):
        p.shape(hand, "#e0ac84", shade=(0, 1, 0.3))
    for k in range(3):
        p.line(curve((404, 446 + 18 * k), (446, 434 + 20 * k), (474, 442 + 18 * k)), "#e7b790", 17)
        p.line(curve((806, 420 + 18 * k), (764, 410 + 20 * k), (736, 420 + 18 * k)), "#e7b790", 17)
    for x, y in ((452, 452), (440, 486), (760, 428), (776, 462), (404, 470)):
        p.shape(ellipse(x, y, 11, 7), "#8d5f3f", alpha=0.75)
    p.shape(
        [(180, 530), (300, 640), (230, 800), (60, 800), (100, 600)], "#5b7a86", shade=(1, 0, 0.3)
    )
    p.shape(
        [(1010, 530), (896, 640), (970, 800), (1150, 800), (1100, 600)],
        "#5b7a86",
        shade=(1, 0, 0.3),
    )
    p.shape([(1000, 640), (1120, 640), (1106, 716), (1014, 716)], "#c9b48d", shade=(1, 0, 0.3))
    p.shape(ellipse(1060, 640, 60, 14), "#8fa9ab")


def needle_eye(p: Picture) -> None:
    x: float
    p.wash("#efe3cf", "#e2d0b4")
    threads = [
        "#c8553d",
        "#e0a526",
        "#3f6f6a",
        "#7a8fb0",
        "#8fa37a",
        "#b4577c",
        "#d98c5a",
        "#55606e",
        "#efe6d2",
        "#a8485a",
        "#6d8f4e",
        "#e9c46a",
    ]
    for row in range(4):
        y = 66 + 92 * row
        p.shape(box(560, y + 62, 610, 10), "#8a6240", shade=(0, 1, 0.3))
        for k in range(13):
            x = 586 + 46 * k
            c = threads[(row * 5 + k * 3 + row // 2) % len(threads)]
            p.shape(box(x - 15, y + 8, 30, 48), c, shade=(1, 0, 0.32), wobble=1)
            for j in range(4):
                p.line(
                    [(x - 14, y + 18 + 10 * j), (x + 14, y + 15 + 10 * j)],
                    "#fff6e2",
                    1.5,
                    alpha=0.4,
                )
            for yy in (y + 6, y + 57):
                p.shape(box(x - 18, yy - 3, 36, 7), "#c9a26b")
    p.line(curve((270, 60), (290, 36), (268, 20), (250, 40)), "#6d6a66", 7)
    p.line([(270, 60), (270, 84)], "#6d6a66", 7)
    coat = [
        *curve((250, 96), (180, 124), (120, 170)),
        (70, 500),
        (136, 516),
        (158, 300),
        (150, 690),
        (400, 690),
        (392, 300),
        (412, 516),
        (478, 500),
        *curve((424, 170), (362, 124), (292, 96)),
    ]
    p.shadow(coat, dx=18, dy=18)
    p.shape(coat, "#8f5a38", shade=(1, 0.4, 0.3))
    p.shape([(244, 98), (300, 98), (276, 250)], "#5f7f86")
    for side in (-1, 1):
        p.shape(
            [
                (271 + side * 2, 250),
                (271 + side * 22, 96),
                (271 + side * 82, 124),
                (271 + side * 62, 190),
                (271 + side * 40, 196),
            ],
            "#7d4c2e",
            shade=(0, 1, 0.2),
        )
    p.line(curve((274, 250), (278, 460), (272, 690)), "#6d4026", 4)
    for k in range(4):
        p.shape(ellipse(252, 300 + 90 * k, 13, 13), "#e3b04b", shade=(1, 1, 0.3))
        for dx in (-4, 4):
            p.shape(ellipse(252 + dx, 300 + 90 * k, 2.4, 2.4), "#5f3a1e")
    p.shape(box(308, 500, 74, 14, turn=-6), "#7d4c2e")
    patch = turned(box(406, 330, 58, 96), 435, 378, -9)
    p.shape(patch, "#d9a53a")
    for k in range(9):
        p.line(
            turned([(408, 338 + 10 * k), (462, 338 + 10 * k)], 435, 378, -9),
            "#8fae4f" if k % 2 else "#f2d27a",
            4.5,
        )
    p.shape(box(0, 690, 1200, 110), "#9a6b42", shade=(0, 1, 0.35))
    p.shadow(box(640, 640, 440, 50), dx=20, dy=20)
    p.shape(box(620, 640, 480, 54), "#2d3f45", shade=(0, 1, 0.3))
    p.shape(
        [
            (1000, 640),
            (1080, 640),
            (1080, 480),
            (700, 470),
            (690, 560),
            (650, 560),
            (650, 440),
            *curve((650, 440), (700, 418), (1040, 424), (1090, 450)),
            (1100, 640),
        ],
        "#35505a",
        shade=(1, 1, 0.3),
    )
    p.shape(ellipse(1112, 510, 42, 42), "#d9c7a2", shade=(1, 1, 0.3))
    p.shape(ellipse(1112, 510, 16, 16), "#8a6240")
    p.line(curve((720, 446), (860, 436), (1010, 448)), "#e3b04b", 6)
    p.line([(670, 560), (670, 618)], "#c9ced0", 7)
    p.line([(670, 618), (670, 640)], "#e9edee", 3)
    p.shape(box(940, 384, 32, 44), "#c8553d", shade=(1, 0, 0.3))
    p.line(curve((956, 392), (800, 380), (690, 430), (670, 520), (670, 622)), "#c8553d", 2.4)
    p.shape(
        [
            *curve((560, 650), (640, 634), (720, 644), (780, 690)),
            *curve((700, 706), (600, 700), (520, 716)),
        ],
        "#8f5a38",
        shade=(0, 1, 0.25),
    )
    for side in (-1, 1):
        p.line([(470, 742), (580, 742 + side * 22)], "#8b9296", 8)
        ring = ellipse(452, 742 + side * 17, 20, 13, turn=side * 20)
        p.line([*ring, ring[0]], "#c8553d", 7)
    p.glow(120, 60, 520, "#fff3cf", 0.4)


def walnut_board(p: Picture) -> None:
    y: float
    x: float
    p.wash("#d9b98a", "#c39a63")
    for k in range(8):
        y = 100 * k
        p.line([(0, y), (1200, y + 8)], "#a67c48", 5, alpha=0.7)
        for j in range(3):
            p.line(
                curve(
                    (0, y + 24 + 26 * j),
                    (300, y + 30 + 24 * j),
                    (700, y + 20 + 27 * j),
                    (1200, y + 30 + 25 * j),
                ),
                "#b58b55",
                2,
                alpha=0.5,
            )
    board = [
        *curve(
            (320, 250),
            (560, 236),
            (800, 248),
            (850, 290),
            (846, 470),
            (800, 548),
            (560, 560),
            (330, 546),
            (282, 500),
            (280, 300),
            (320, 250),
        )
    ]
    handle = [
        *curve(
            (838, 360), (930, 352), (1000, 366), (1024, 400), (1000, 436), (930, 446), (838, 440)
        )
    ]
    for outline in (board, handle):
        p.shadow(outline, dx=18, dy=30, blur=22, strength=0.5)
    p.shape(handle, "#5f3d27", shade=(0.5, 1, 0.25))
    p.shape(board, "#694429", shade=(0.7, 0.9, 0.25))
    for k in range(15):
        y = 262 + 20 * k
        bend = 24 * math.sin(k * 0.7)
        p.shape(
            [
                *curve((286, y), (430, y + bend), (600, y + 5 - bend), (846, y + 6)),
                *curve((846, y + 10), (600, y + 12 - bend), (430, y + 6 + bend), (286, y + 5)),
            ],
            "#4c2f1b" if k % 3 else "#8f6440",
            alpha=0.55,
            within=board,
        )
    for r in (30, 21, 12):
        ring = ellipse(610, 430, r * 1.7, r)
        p.line([*ring, ring[0]], "#432818", 4, alpha=0.75)
    p.shape(ellipse(976, 400, 17, 17), "#c39a63")
    p.beam([(330, 270), (470, 262), (760, 540), (600, 552)], "#ffe6b8", 0.2, blur=16)
    body = turned([(110, 560), (430, 560), (440, 650), (100, 650)], 270, 610, -14)
    p.shadow(body, dx=14, dy=26, blur=16, strength=0.5)
    p.shape(body, "#8f4f2b", shade=(0, 1, 0.3))
    p.shape(turned([(108, 634), (440, 634), (440, 652), (100, 652)], 270, 610, -14), "#5f6b70")
    p.shape(
        turned([*curve((140, 562), (150, 500), (200, 484), (214, 530), (196, 562))], 270, 610, -14),
        "#6d3a1e",
        shade=(1, 0, 0.3),
    )
    p.shape(
        turned([(270, 562), (318, 562), (290, 488), (262, 488)], 270, 610, -14),
        "#aab3b5",
        shade=(1, 0, 0.3),
    )
    p.shape(turned(ellipse(380, 548, 26, 24), 270, 610, -14), "#6d3a1e", shade=(1, 1, 0.3))
    for k in range(17):
        px, py, size = p.between(440, 1160), p.between(590, 770), p.between(16, 34)
        if k > 11:
            px, py = p.between(60, 1100), p.between(50, 190)
        turn = p.between(0, 360)
        spiral = [
            (
                px + (size - 1.9 * j) * math.cos(j * 0.55),
                py + (size - 1.9 * j) * 0.72 * math.sin(j * 0.55),
            )
            for j in range(int(size / 2.2))
        ]
        p.shadow(ellipse(px, py, size, size * 0.6), dx=6, dy=9, blur=6, strength=0.3)
        p.line(
            turned(spiral, px, py, turn), p.one_of(["#f0d3a0", "#e5bf85", "#b58557", "#f7e2b8"]), 10
        )
        p.line(turned(spiral, px, py, turn), "#fff1d2", 2.4, alpha=0.5)
    for x, y, turn, c in ((170, 200, -24, "#7b5233"), (260, 150, -16, "#b98a55")):
        head = ellipse(x, y, 34, 50, turn=turn)
        stick = turned(box(x - 8, y + 40, 16, 170), x, y, turn)
        p.shadow(head, dx=8, dy=12, blur=8)
        p.shape(stick, c, shade=(1, 0, 0.3))
        p.shape(head, c, shade=(1, 1, 0.25))
        p.shape(ellipse(x + 2, y + 2, 22, 36, turn=turn), "#4f3320", alpha=0.6)
    p.shape(box(1030, 90, 76, 110), "#e9dcc0", shade=(1, 0, 0.25))
    p.shape(box(1030, 130, 76, 70), "#d39a3a", alpha=0.85, shade=(1, 0, 0.25))
    p.shape(box(1046, 68, 44, 26), "#8a6240")
    p.glow(220, 40, 600, "#fff0c8", 0.35)
