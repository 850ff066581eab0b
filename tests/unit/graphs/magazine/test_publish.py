from __future__ import annotations

import json

from fabula.documents.magazine import MagazineLayout
from fabula.graphs.magazine.publish import layout_json

LAYOUT = MagazineLayout(
    title="제목",
    dek="덱",
    angle="앵글",
    template_id="editorial-deep",
    status="complete",
    date=None,
    offline=True,
    sections=(),
    citations=(),
)


def test_the_layout_is_written_for_people_and_reads_back_whole() -> None:
    data = layout_json(LAYOUT)
    text = data.decode()
    assert '"title": "제목"' in text
    assert text.endswith("}\n")
    assert MagazineLayout.model_validate(json.loads(text)) == LAYOUT


def test_the_same_layout_is_the_same_bytes() -> None:
    other = MagazineLayout.model_validate(dict(reversed(LAYOUT.model_dump().items())))
    assert layout_json(other) == layout_json(LAYOUT)
