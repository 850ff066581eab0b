"""Rooms: the bookshop, the café, the bathhouse, the records, the darkroom."""

# ruff: noqa: C901, PLR2004 - a drawing is long lists of coordinates

from __future__ import annotations

from pictures.brush import Picture, Points, box, curve, ellipse

BOOKS = ["#c8553d", "#e0a526", "#3f6f6a", "#e9dcc0", "#7a3b3b", "#8fa37a", "#2f4858", "#d88c5a"]


def slow_shelf(p: Picture) -> None:
    y: float
    x: float
    p.wash("#24463f", "#1b3531")
    for row, y in enumerate((150, 330, 510)):
        p.shape(box(40, y - 118, 560, 118), "#1a302c")
        x = 52.0
        while x < 566:
            w, h = p.between(16, 38), p.between(72, 108)
            if p.between(0, 1) < 0.08:
                x += 26
                continue
            p.shape(box(x, y - h, w, h, lean=p.between(-5, 3)), p.one_of(BOOKS), wobble=1)
            p.line([(x + 4, y - h + 16), (x + w - 5, y - h + 16)], "#f3e7cd", 2.5, alpha=0.7)
            x += w + 3
        p.shape(box(30, y, 580, 17), "#8a5a35", shade=(0, 1, 0.35))
        if row == 0:
            p.shape(box(420, y - 26, 118, 34), "#f1e4c4")
            for k in (0, 1):
                p.line([(434, y - 16 + 11 * k), (522 - 24 * k, y - 16 + 11 * k)], "#6c5a44", 3)
    window = box(690, 90, 430, 430)
    p.shape(box(668, 68, 474, 474), "#6f4527", shade=(1, 1, 0.3))
    p.shape(window, "#f7d98a")
    p.shape(box(690, 330, 430, 190), "#e8b657", within=window)
    p.shape(ellipse(820, 250, 170, 150), "#f2b632", within=window)
    p.shape(ellipse(1010, 200, 150, 130), "#eda41f", within=window)
    p.dots(
        [
            ellipse(p.between(690, 1110), p.between(110, 470), 9, 6, turn=p.between(0, 180))
            for _ in range(60)
        ],
        "#fbe08c",
    )
    p.line(curve((860, 520), (850, 420), (880, 330), (860, 250)), "#6b4a2a", 17)
    p.line(curve((858, 400), (930, 330), (985, 260)), "#6b4a2a", 9)
    for cx, cy, r in (
        (845, 240, 62),
        (990, 250, 54),
        (905, 170, 70),
        (770, 200, 48),
        (1050, 170, 44),
    ):
        p.shape(ellipse(cx, cy, r, r * 0.72), p.one_of(["#f6c443", "#f0b02a", "#f9d166"]), wobble=6)
    p.line([(905, 90), (905, 520)], "#6f4527", 14)
    p.line([(690, 305), (1120, 305)], "#6f4527", 14)
    p.shape(box(0, 640, 1200, 160), "#5d3a22", shade=(0, 1, 0.3))
    for k in range(7):
        p.line([(0, 662 + 22 * k), (1200, 660 + 22 * k)], "#4b2d1a", 2, alpha=0.6)
    p.beam([(690, 540), (1120, 540), (1000, 800), (430, 800)], "#ffd98a", 0.34)
    chair = [(700, 612), (930, 612), (918, 640), (712, 640)]
    p.shadow(chair, dx=-60, dy=120, blur=26, strength=0.5)
    for x, lean in ((724, -16), (898, 16)):
        p.line([(x, 630), (x + lean, 770)], "#3d2415", 13)
    p.shape(chair, "#7b4a29", shade=(0, 1, 0.3))
    y = 612.0
    for w, h, color in (
        (176, 26, "#3f6f6a"),
        (156, 20, "#e9dcc0"),
        (168, 30, "#c8553d"),
        (130, 18, "#e0a526"),
    ):
        y -= h
        p.shape(box(815 - w / 2 + p.between(-12, 12), y, w, h), color, shade=(0, 1, 0.25))
    p.shape([(852, y), (900, y), (893, y - 44), (859, y - 44)], "#5f8fb0", shade=(1, 0, 0.3))
    p.line(curve((896, y - 34), (918, y - 26), (897, y - 10)), "#5f8fb0", 7)
    p.steam(876, y - 48, 90)
    p.line([(330, 0), (330, 62)], "#17211f", 5)
    p.shape([(268, 118), (392, 118), (358, 60), (302, 60)], "#d9822b", shade=(1, 0, 0.3))
    p.glow(330, 140, 300, "#ffcf70", 0.62)
    p.shape(ellipse(330, 120, 40, 9), "#fff1c4")


def slow_lane(p: Picture) -> None:
    p.wash("#dfe6e0", "#c9d4cf")
    p.shape(box(70, 60, 560, 400), "#f7f1e2")
    sky = box(86, 76, 528, 368)
    p.shape(sky, "#a9cbd6")
    p.shape(
        [(86, 300), (240, 210), (360, 290), (470, 230), (614, 310), (614, 444), (86, 444)],
        "#7fa08a",
        within=sky,
    )
    for x, w, h, c in (
        (110, 120, 150, "#e6d3b3"),
        (250, 96, 210, "#cf8d6b"),
        (360, 130, 130, "#efe4cf"),
        (505, 100, 180, "#b9a08a"),
    ):
        p.shape(box(x, 444 - h, w, h), c, within=sky, shade=(1, 0, 0.2))
        for k in range(3):
            p.shape(box(x + 16 + 30 * k, 444 - h + 26, 16, 24), "#5b6c74", alpha=0.8)
    for k in range(5):
        p.shape(
            [(190 + 46 * k, 444), (214 + 46 * k, 444), (228 + 46 * k, 414), (206 + 46 * k, 414)],
            "#fdfaf0",
        )
    p.line([(556, 444), (556, 210)], "#3b4245", 8)
    p.shape(box(535, 140, 42, 96), "#2c3335")
    for y, c in ((160, "#6d3b36"), (188, "#6b5f2f"), (216, "#7be08a")):
        p.shape(ellipse(556, y, 12, 12), c)
    p.glow(556, 216, 60, "#7be08a", 0.7)
    p.line([(350, 60), (350, 460)], "#f7f1e2", 12)
    p.shape(box(690, 70, 450, 18), "#7a5133")
    for x, c, h in (
        (712, "#b7c4bd", 60),
        (786, "#d88c5a", 74),
        (866, "#efe4cf", 52),
        (930, "#54706c", 84),
        (1010, "#e3b04b", 58),
        (1070, "#b7c4bd", 70),
    ):
        p.shape(
            [(x, 70), (x + 52, 70), (x + 48, 70 - h * 0.75), (x + 4, 70 - h * 0.75)],
            c,
            shade=(1, 0, 0.25),
        )
    p.shape(box(0, 560, 1200, 46), "#a8703f", shade=(0, 1, 0.2))
    p.shape(box(0, 604, 1200, 196), "#7c4d2b", shade=(0, 1, 0.35))
    for k in range(9):
        p.line([(60 + 140 * k, 606), (52 + 142 * k, 800)], "#683e21", 3, alpha=0.7)
    p.beam([(90, 560), (620, 560), (760, 606), (180, 606)], "#fff2c9", 0.45, blur=8)
    body = [(846, 300), (934, 300), (906, 402), (972, 566), (808, 566), (874, 402)]
    p.shadow(body, dx=46, dy=8, blur=18, strength=0.3)
    p.shape(body, "#eef5f3", alpha=0.72)
    p.shape(
        [(838, 492), (942, 492), (972, 566), (808, 566)], "#5a2c1b", alpha=0.92, shade=(1, 0, 0.3)
    )
    p.shape([(838, 288), (942, 288), (902, 392), (878, 392)], "#f6ecd9", shade=(1, 0, 0.18))
    p.shape(ellipse(890, 292, 50, 11), "#6f3d22")
    p.shape([(872, 396), (908, 396), (914, 428), (866, 428)], "#c48a52")
    p.line([(868, 436), (852, 478)], "#ffffff", 5, alpha=0.75)
    for x, s, c in ((610, 1.0, "#d9643a"), (720, 0.66, "#f4efe2")):
        cup = [
            (x - 58 * s, 566 - 84 * s),
            (x + 58 * s, 566 - 84 * s),
            (x + 42 * s, 566),
            (x - 42 * s, 566),
        ]
        p.shadow(cup, dx=36 * s, dy=4, blur=12, strength=0.3)
        p.line(
            curve(
                (x + 50 * s, 566 - 66 * s), (x + 90 * s, 566 - 48 * s), (x + 44 * s, 566 - 20 * s)
            ),
            c,
            12 * s,
        )
        p.shape(cup, c, shade=(1, 0, 0.28))
        p.shape(ellipse(x, 566 - 84 * s, 58 * s, 11 * s), "#fbf6ea")
        p.shape(ellipse(x, 566 - 83 * s, 50 * s, 8 * s), "#4a2415")
        p.steam(x, 566 - 94 * s, 150 * s)
    p.line(curve((1120, 250), (1010, 240), (930, 250), (896, 272)), "#2f3a3c", 11)
    p.shape([(1040, 190), (1180, 190), (1200, 330), (1040, 330)], "#2f3a3c", shade=(1, 1, 0.3))
    p.line([(894, 276), (891, 290)], "#a9cbd6", 4)
    p.glow(350, 240, 460, "#fff3cf", 0.22)


def bathhouse_show(p: Picture) -> None:
    x: float
    p.wash("#8fb8c4", "#5d8ea3")
    horizon = 380
    p.shape(box(0, 0, 1200, horizon), "#a9cdd3", shade=(0, 1, 0.12))
    for x in range(0, 1200, 52):
        p.line([(x, 0), (x, horizon)], "#dcecec", 2.5, alpha=0.75)
    for y in range(24, horizon, 52):
        p.line([(0, y), (1200, y)], "#dcecec", 2.5, alpha=0.75)
    for _ in range(34):
        tx, ty = int(p.between(0, 23)) * 52, int(p.between(0, 7)) * 52 + 24
        p.shape(
            box(tx + 3, ty - 49, 46, 46), p.one_of(["#7db0bf", "#c9e0de", "#6aa3b8"]), alpha=0.7
        )
    p.shape([(0, horizon), (1200, horizon), (1200, 800), (0, 800)], "#6c9bab", shade=(0, 1, 0.3))
    for k in range(-14, 15):
        p.line([(600 + k * 64, horizon), (600 + k * 210, 800)], "#93bcc6", 2, alpha=0.7)
    for y in (396, 420, 456, 508, 584, 690):
        p.line([(0, y), (1200, y)], "#93bcc6", 2, alpha=0.7)
    p.shape(box(420, 0, 340, 42), "#f5f8ee")
    rim = [(220, 440), (980, 440), (1120, 690), (80, 690)]
    p.shadow(rim, dx=0, dy=30, blur=26, strength=0.35)
    p.shape([(80, 690), (1120, 690), (1120, 752), (80, 752)], "#3b7088", shade=(0, 1, 0.25))
    for x in range(90, 1120, 58):
        p.line([(x, 694), (x, 750)], "#5f92a6", 2)
    p.shape(rim, "#d3e6e4")
    inner = [(268, 462), (932, 462), (1036, 660), (164, 660)]
    p.shape(inner, "#2f6178", shade=(0, -1, 0.4))
    p.shape([(244, 540), (956, 540), (1036, 660), (164, 660)], "#244f66", within=inner)
    cups = ["#f3eee0", "#e8dcc2", "#c9d9d6", "#e2b8a0", "#f7f3e8", "#d8c39a", "#8fb0a8", "#c9705a"]
    for row in range(9):
        y = 642 - row * 20
        half = 380 - row * 22 - (row % 3) * 9
        x = 600 - half + p.between(0, 18)
        while x < 600 + half:
            w = p.between(22, 36)
            turn = p.between(-22, 22)
            c = p.one_of(cups)
            p.shape(box(x, y - 22, w, 22, turn=turn), c, shade=(1, 1, 0.3), wobble=2.5)
            p.shape(ellipse(x + w / 2, y - 22, w / 2, 5, turn=turn), "#fffaf0", alpha=0.9)
            x += w + p.between(1, 6)
    p.beam([(420, 42), (760, 42), (1010, 800), (240, 800)], "#fff7d6", 0.42, blur=22)
    p.glow(590, 30, 380, "#fffbe6", 0.7)
    for x, y in ((130, 300), (1046, 300)):
        p.shape(box(x, y - 22, 30, 16), "#cfd6d3", shade=(0, 1, 0.3))
        p.line(curve((x + 15, y - 6), (x + 15, y + 20), (x + 2, y + 30)), "#b9c2c0", 11)
    p.shape(ellipse(1046, 742, 70, 24), "#e5b23f")
    p.shape([(976, 742), (1116, 742), (1096, 792), (996, 792)], "#d79a2b", shade=(1, 0, 0.3))
    p.shape(ellipse(1046, 742, 58, 17), "#9c6a1c")
    for x in (1030, 1062):
        p.shape(ellipse(x, 736, 20, 15, turn=18), "#fbf3e2", shade=(1, 1, 0.2))


def seven_records(p: Picture) -> None:
    x: float
    p.wash("#3a2233", "#24162a")
    for row, y in enumerate((90, 250)):
        p.shape(box(60, y + 118, 620, 16), "#6d4128")
        x = 70.0
        while x < 660:
            w = p.between(6, 13)
            p.shape(
                box(x, y + 118 - p.between(96, 112), w, 112, lean=p.between(-2, 6)),
                p.one_of([*BOOKS, "#5b7ea6", "#b4577c"]),
                wobble=0.6,
            )
            x += w + 1.5
        if row:
            p.shape(box(470, y - 2, 112, 114), "#e0a526", shade=(1, 1, 0.25))
            p.shape(ellipse(526, y + 55, 34, 34), "#c8553d")
            p.shape(ellipse(526, y + 55, 12, 12), "#e9dcc0")
    speaker = box(880, 60, 240, 400)
    p.shadow(speaker, dx=-16, dy=16)
    p.shape(speaker, "#9a6437", shade=(1, 0, 0.35))
    p.line(curve((900, 130), (960, 118), (1100, 140)), "#7a4c28", 3)
    p.line([(908, 84), (932, 100), (920, 112)], "#5f3a1e", 3)
    for cy, r in ((180, 56), (340, 92)):
        p.shape(ellipse(1000, cy, r, r), "#2a1d22")
        p.shape(ellipse(1000, cy, r * 0.8, r * 0.8), "#3f3037", shade=(1, 1, 0.4))
        p.shape(ellipse(1000, cy, r * 0.32, r * 0.32), "#1c1418")
    p.shape(box(0, 470, 1200, 330), "#7b4a2c", shade=(0, 1, 0.35))
    for k in range(6):
        p.line(
            curve((0, 500 + 52 * k), (500, 508 + 52 * k), (1200, 496 + 52 * k)),
            "#683c22",
            2.5,
            alpha=0.7,
        )
    deck = [(180, 530), (790, 530), (860, 760), (110, 760)]
    p.shadow(deck, dx=14, dy=22, blur=18, strength=0.5)
    p.shape([(110, 760), (860, 760), (860, 786), (110, 786)], "#4a2b1a")
    p.shape(deck, "#c58a4e", shade=(1, 1, 0.25))
    p.shape(ellipse(440, 642, 250, 96), "#1a1518")
    for k in range(5):
        r = 236 - 34 * k
        outline = ellipse(440, 642, r, r * 0.384)
        p.line([*outline, outline[0]], "#3d353a", 1.6, alpha=0.9)
    p.shape([(440, 642), (640, 590), (672, 622)], "#fff1cf", alpha=0.13)
    p.shape([(440, 642), (250, 700), (222, 664)], "#fff1cf", alpha=0.1)
    p.shape(ellipse(440, 642, 80, 31), "#d9643a")
    p.shape(ellipse(440, 642, 8, 4), "#f5e9d0")
    p.shape(ellipse(752, 580, 34, 15), "#ddd4c2")
    p.line(curve((752, 576), (720, 640), (640, 690), (560, 688)), "#ece4d3", 9)
    p.shape(box(534, 678, 34, 20, turn=-14), "#3a2d2a")
    p.shape([(930, 640), (1060, 640), (1046, 764), (944, 764)], "#e9dcc0", shade=(1, 0, 0.3))
    p.shape(ellipse(995, 640, 65, 17), "#f7eedb")
    p.shape(ellipse(995, 641, 55, 13), "#a6602a")
    p.steam(995, 628, 110)
    p.line([(760, 0), (760, 60)], "#120b14", 5)
    p.shape([(690, 130), (830, 130), (790, 58), (730, 58)], "#c8553d", shade=(1, 0, 0.3))
    p.glow(760, 160, 440, "#ffb866", 0.62)
    p.shape(ellipse(760, 132, 46, 10), "#fff0c9")


def sandeul_photo(p: Picture) -> None:
    p.wash("#5e1216", "#2c0709")
    p.glow(930, 90, 560, "#ff4a2e", 0.6)
    p.shape(box(876, 0, 108, 30), "#1c0506")
    p.shape([(870, 30), (990, 30), (1010, 104), (850, 104)], "#e8422c", shade=(0, -1, 0.2))
    p.line(curve((-20, 116), (400, 176), (820, 170), (1220, 110)), "#1a0405", 3.5, alpha=0.8)
    frames = [(70, 150, -4), (282, 168, 3), (498, 176, -2), (716, 172, 4), (936, 150, -3)]
    for n, (x, y, turn) in enumerate(frames):
        paper = box(x, y, 184, 236, turn=turn)
        p.shadow(paper, dx=12, dy=16, blur=12, strength=0.6, tint="#000000")
        p.shape(paper, "#f0b3a2", shade=(0, 1, 0.18))
        inner = box(x + 16, y + 18, 152, 184, turn=turn)
        p.shape(inner, "#7d2a26")
        _frame(p, n, x + 16, y + 18, inner)
        p.shape(box(x + 84, y - 22, 15, 42, turn=turn), "#c98a4f", shade=(1, 0, 0.3))
    p.shape(box(0, 580, 1200, 220), "#240608", shade=(0, 1, 0.4))
    p.shape(box(0, 572, 1200, 16), "#551014")
    for k, (x, c) in enumerate(((90, "#8f2a24"), (450, "#a4352a"), (810, "#7c211e"))):
        tray = [(x, 610), (x + 300, 610), (x + 330, 730), (x - 30, 730)]
        p.shape([(x - 30, 730), (x + 330, 730), (x + 322, 760), (x - 22, 760)], "#3f0b0d")
        p.shape(tray, "#d99484")
        p.shape(
            [(x + 16, 622), (x + 284, 622), (x + 304, 718), (x - 4, 718)], c, shade=(1, 0, 0.25)
        )
        p.line(curve((x + 60, 650), (x + 150, 642), (x + 250, 654)), "#ff9a80", 4, alpha=0.55)
        if k == 1:
            p.shape(box(x + 86, 636, 130, 66, turn=-7), "#f2bfae")
            p.shape(box(x + 98, 644, 106, 50, turn=-7), "#b04a3c", alpha=0.7)
            p.line([(x + 250, 588), (x + 204, 668)], "#e2b98a", 8)
            p.line([(x + 266, 592), (x + 208, 674)], "#e2b98a", 8)
    p.glow(930, 110, 260, "#ff8a5c", 0.4)


def _frame(p: Picture, n: int, x: float, y: float, cut: Points) -> None:
    if n == 0:
        p.shape(
            [
                (x, y + 184),
                (x + 60, y + 70),
                (x + 96, y + 120),
                (x + 152, y + 50),
                (x + 152, y + 184),
            ],
            "#3f0e0f",
            within=cut,
        )
        p.shape(ellipse(x + 108, y + 44, 20, 20), "#f5b9a4")
    elif n == 1:
        p.shape(ellipse(x + 76, y + 140, 44, 34), "#f0ad9a")
        p.shape(ellipse(x + 76, y + 92, 27, 24), "#f0ad9a")
        for s in (-1, 1):
            p.shape(
                [(x + 76 + s * 24, y + 88), (x + 76 + s * 22, y + 54), (x + 76 + s * 6, y + 74)],
                "#f0ad9a",
            )
    elif n == 2:
        for k in range(4):
            p.shape(
                box(x + 6 + 36 * k, y + 184 - 50 - 26 * (k % 3), 32, 76 + 26 * (k % 3)),
                "#4a1113",
                within=cut,
            )
        p.shape(box(x + 60, y + 20, 12, 120), "#e79a86")
    elif n == 3:
        p.line([(x + 76, y + 184), (x + 76, y + 90)], "#3f0e0f", 9)
        p.shape(ellipse(x + 76, y + 74, 52, 44), "#e48f78")
    else:
        p.shape(box(x, y, 152, 184), "#c65d4b", within=cut, alpha=0.6)
