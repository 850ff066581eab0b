"""What belongs to a file of posts: the pictures beside it that its posts show."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from fabula.documents.magazine import MagazineBrief
from fabula.graphs.magazine.intake.pictures import pictures_beside
from fabula.graphs.magazine.reading import Found, is_address, read_all


def beside(brief: MagazineBrief) -> Mapping[str, Sequence[Path]]:
    """Return the pictures that the posts of a file in `sources` show, by that file. Blocks.

    A file without any has its place all the same: a post may be called after its folder.
    """
    if brief.sources is None or is_address(brief.sources) or not Path(brief.sources).is_file():
        return {}
    folder = Path(brief.sources).parent
    found = (one for one in read_all(brief.model_copy(update={"posts": ()})))
    named = [picture for one in found if isinstance(one, Found) for picture in pictures_beside(one)]
    return {brief.sources: tuple(_below(folder, named))}


def _below(folder: Path, files: Sequence[Path]) -> Sequence[Path]:
    """Return each file once, named as it is reached from the folder."""
    top = Path(os.path.normpath(folder.absolute()))
    reached = (Path(os.path.normpath(one.absolute())) for one in files)
    # The same file under a name outside, through a link: it counts by its own.
    named = (one if one.is_relative_to(top) else one.resolve() for one in reached)
    inside = {one.relative_to(top) for one in named if one.is_relative_to(top)}
    return [folder / one for one in sorted(inside)]
