"""The hill path and the roofs above it."""

# ruff: noqa: C901, PLR2004 - a drawing is long lists of coordinates

from __future__ import annotations

from pictures.brush import Picture, box, curve, ellipse

GINKGO = ["#f2b632", "#eaa51e", "#f6c95a", "#e0921a", "#f9d97a"]
ROOFS = ["#b8563b", "#7d8f8a", "#c98a55", "#566f7a", "#a3a07a"]


def _ginkgo(p: Picture, x: float, y: float, size: float) -> None:
    p.line(
        curve((x, y), (x - size * 0.05, y - size * 0.5), (x + size * 0.04, y - size)),
        "#5b4330",
        size * 0.1,
    )
    p.line(curve((x, y - size * 0.55), (x + size * 0.2, y - size * 0.85)), "#5b4330", size * 0.05)
    for _ in range(15):
        dx, dy = p.between(-0.5, 0.5) * size, p.between(-0.55, 0.5) * size
        r = size * p.between(0.16, 0.3)
        p.shape(
            ellipse(x + dx * 0.85, y - size * 1.15 + dy, r, r * 0.8, turn=p.between(-20, 20)),
            p.one_of(GINKGO),
            wobble=5,
            shade=(0.4, 1, 0.16),
        )
    p.dots(
        [
            ellipse(
                x + p.between(-0.55, 0.55) * size,
                y - size * 1.2 + p.between(-0.5, 0.5) * size,
                5,
                3.4,
                turn=p.between(0, 180),
            )
            for _ in range(26)
        ],
        "#fdebb0",
        alpha=0.85,
    )


def ginkgo_walk(p: Picture) -> None:
    p.wash("#cfe0e2", "#f7e3bd")
    p.glow(250, 150, 420, "#fff3c4", 0.75)
    for base, amp, c in ((330, 36, "#b9c9c6"), (380, 44, "#9db3ac"), (430, 30, "#87a08f")):
        ridge = [
            (x, base + amp * (((x * 7919 + base * 31) % 97) / 97 - 0.5) * 1.6)
            for x in range(-40, 1320, 130)
        ]
        p.shape([*curve(*ridge), (1240, 800), (-40, 800)], c, shade=(0, 1, 0.15))
    for k in range(15):
        x, y = 20 + 62 * k + p.between(-14, 14), 470 + 26 * (k % 3) + p.between(-8, 8)
        w, h = p.between(54, 92), p.between(34, 60)
        p.shape(
            box(x, y - h, w, h),
            p.one_of(["#f1e6cf", "#e6d2b5", "#dcd9c8", "#efd9c4"]),
            shade=(1, 0, 0.22),
        )
        p.shape(
            [(x - 8, y - h), (x + w + 8, y - h), (x + w - 8, y - h - 24), (x + 8, y - h - 24)],
            p.one_of(ROOFS),
            shade=(1, 1, 0.2),
        )
        p.shape(box(x + w * 0.3, y - h * 0.6, 11, 14), "#55646b", alpha=0.8)
    hill = [
        *curve((-20, 560), (240, 520), (560, 560), (860, 470), (1220, 400)),
        (1220, 800),
        (-20, 800),
    ]
    p.shape(hill, "#b79a4a", shade=(0, 1, 0.35))
    path = [
        *curve((520, 800), (640, 690), (610, 610), (760, 540), (960, 478), (1060, 440)),
        *curve((1096, 438), (1000, 486), (850, 560), (790, 640), (860, 720), (900, 800)),
    ]
    p.shape(path, "#e9d5a6", shade=(0, 1, 0.12))
    for x, y, s in (
        (1075, 436, 96),
        (950, 470, 120),
        (700, 545, 130),
        (1130, 500, 170),
        (455, 580, 170),
    ):
        _ginkgo(p, x, y, s)
    p.dots(
        [
            ellipse(p.between(430, 1180), p.between(560, 790), 8, 4.5, turn=p.between(0, 180))
            for _ in range(170)
        ],
        "#f0b52e",
    )
    p.dots(
        [
            ellipse(p.between(0, 1190), p.between(590, 795), 7, 4, turn=p.between(0, 180))
            for _ in range(150)
        ],
        "#d9911b",
    )
    p.beam([(250, 60), (420, 60), (980, 800), (500, 800)], "#fff0b8", 0.2, blur=60)
    p.shadow([(690, 640), (716, 640), (720, 706), (686, 706)], dx=46, dy=14, blur=10, strength=0.4)
    p.line([(697, 700), (692, 742)], "#32404a", 10)
    p.line([(710, 700), (718, 740)], "#32404a", 10)
    p.shape([(682, 638), (724, 638), (732, 708), (676, 708)], "#b8452f", shade=(1, 0, 0.3))
    p.shape(ellipse(703, 616, 17, 18), "#e3b48d")
    p.shape([*curve((683, 618), (688, 594), (704, 590), (721, 598), (723, 614))], "#3a2a22")
    p.line(curve((684, 650), (670, 676), (676, 694)), "#b8452f", 10)
    p.shape(box(726, 668, 30, 34), "#f1e2bd", shade=(1, 0, 0.2))
    _ginkgo(p, 160, 690, 270)


def rooftop_evening(p: Picture) -> None:
    y: float
    x: float
    p.wash("#27335f", "#e2906a")
    p.glow(840, 300, 420, "#ffd9a0", 0.5)
    p.shape(ellipse(840, 230, 118, 118), "#fbedc4", shade=(1, 1, 0.08))
    for x, y, r in ((800, 200, 22), (880, 250, 30), (850, 170, 13), (790, 270, 16)):
        p.shape(ellipse(x, y, r, r * 0.8), "#efd9a4", alpha=0.7)
    p.dots(
        [ellipse(p.between(0, 1200), p.between(0, 170), 1.6, 1.6) for _ in range(46)],
        "#fff1d6",
        alpha=0.8,
    )
    for row, (base, c) in enumerate(((430, "#6d5570"), (500, "#574761"), (580, "#433a54"))):
        x = -30.0 - 40 * row
        while x < 1220:
            w, h = p.between(110, 190), p.between(40, 130)
            p.shape(box(x, base - h, w, 400), c, shade=(1, 0, 0.22))
            p.shape(box(x - 5, base - h - 8, w + 10, 12), "#7f6478" if row == 0 else "#66526a")
            for k in range(int(w // 44)):
                for j in range(2):
                    if p.between(0, 1) < 0.55:
                        lit = p.between(0, 1) < 0.6
                        p.shape(
                            box(x + 16 + 42 * k, base - h + 22 + 46 * j, 18, 24),
                            "#ffd07a" if lit else "#322c44",
                            alpha=0.9,
                        )
            if p.between(0, 1) < 0.35:
                p.shape(box(x + w * 0.55, base - h - 44, 34, 38), "#8fb0b4", shade=(1, 0, 0.3))
            x += w + p.between(4, 26)
    p.line([(1046, 520), (1046, 300)], "#5f3d4a", 22)
    p.glow(1046, 292, 60, "#ffe3a0", 0.7)
    floor = [(0, 640), (1200, 610), (1200, 800), (0, 800)]
    p.shape(floor, "#7f8a72", shade=(0, 1, 0.35))
    p.shape([(0, 600), (1200, 572), (1200, 616), (0, 648)], "#98957f", shade=(0, 1, 0.25))
    for x, y in ((110, 250), (640, 232)):
        p.line([(x, y), (x, 690)], "#3a3548", 10)
    p.line(curve((110, 270), (370, 306), (640, 252)), "#e7dcc8", 3, alpha=0.9)
    for x, w, h, c in (
        (150, 92, 150, "#f4e8d0"),
        (258, 70, 110, "#d9643a"),
        (344, 120, 170, "#7fa3b0"),
        (482, 66, 96, "#e9b53f"),
        (562, 54, 120, "#f1d9cf"),
    ):
        y = 280 + 24 * (1 - abs(x - 370) / 280)
        cloth = [
            (x, y),
            (x + w, y - 2),
            *curve((x + w + 10, y + h * 0.5), (x + w + 4, y + h)),
            *curve((x + w * 0.6, y + h + 10), (x + w * 0.3, y + h - 6), (x + 5, y + h + 4)),
        ]
        p.shape(cloth, c, shade=(1, 0.4, 0.28))
        for px in (x + 10, x + w - 12):
            p.shape(box(px, y - 10, 6, 18), "#8a5a35")
    table = [(640, 690), (980, 682), (1010, 728), (620, 736)]
    p.shadow(table, dx=0, dy=36, strength=0.5)
    p.shape(table, "#a8744a", shade=(0, 1, 0.25))
    for x, y, r, c in (
        (690, 706, 30, "#f4ecd8"),
        (770, 700, 36, "#d98c4a"),
        (856, 706, 28, "#e9dcc0"),
        (930, 700, 34, "#8fa37a"),
    ):
        p.shape(ellipse(x, y, r, r * 0.4), "#f9f2e2", shade=(0, 1, 0.2))
        p.shape(ellipse(x, y - 3, r * 0.72, r * 0.26), c)
    p.steam(770, 690, 84)
    for x, c, hair in ((560, "#3f5f6f", "#2b2220"), (1080, "#a8485a", "#d9d3c8")):
        p.shape([(x - 40, 740), (x + 40, 740), (x + 30, 650), (x - 30, 650)], c, shade=(1, 0, 0.3))
        p.shape(ellipse(x, 626, 23, 25), "#d9a680")
        p.shape(
            [
                *curve(
                    (x - 25, 634), (x - 24, 600), (x, 592), (x + 24, 600), (x + 25, 634), (x, 612)
                )
            ],
            hair,
        )
        p.shape(box(x - 46, 736, 92, 14), "#5b4636")
