"""Draw the pictures of the example posts into `posts/images/`: `python draw_pictures.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from pictures import benches, hill, rooms, streets, tables
from pictures.brush import Picture

PICTURES: dict[str, Callable[[Picture], None]] = {
    "slow-shelf": rooms.slow_shelf,
    "salt-ferry": tables.salt_ferry,
    "wheel-diary": benches.wheel_diary,
    "ginkgo-walk": hill.ginkgo_walk,
    "slow-lane": rooms.slow_lane,
    "bathhouse-show": rooms.bathhouse_show,
    "mill-interview": streets.mill_interview,
    "basket-ten": tables.basket_ten,
    "cat-map": streets.cat_map,
    "letter-in-book": tables.letter_in_book,
    "needle-eye": benches.needle_eye,
    "seven-records": rooms.seven_records,
    "friday-market": streets.friday_market,
    "rooftop-evening": hill.rooftop_evening,
    "sandeul-photo": rooms.sandeul_photo,
    "walnut-board": benches.walnut_board,
}


def main(names: list[str]) -> None:
    """Draw the named pictures, or all."""
    folder = Path(__file__).parent / "posts" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        if not names or name in names:
            picture = Picture(name)
            draw(picture)
            picture.save(folder / f"{name}.jpg")


if __name__ == "__main__":
    main(sys.argv[1:])
