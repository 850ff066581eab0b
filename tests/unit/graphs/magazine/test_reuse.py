from __future__ import annotations

from fabula.documents.magazine import SectionPlan, SectionType
from fabula.graphs.magazine.reuse import settle


def plan(section_id: str, type_: SectionType, *post_ids: str, purpose: str = "") -> SectionPlan:
    return SectionPlan(section_id=section_id, type=type_, purpose=purpose, post_ids=post_ids)


EXISTING = [
    plan("s1", "intro", "a"),
    plan("s2", "spotlight", "a", "b"),
    plan("s3", "curation_card", "c"),
    plan("s4", "closing"),
]


def test_the_same_type_and_posts_take_up_the_section_under_its_id() -> None:
    planned = [
        plan("s1", "intro", "a"),
        plan("s2", "curation_card", "c"),
        plan("s3", "spotlight", "b", "a", purpose="새 까닭"),
        plan("s4", "closing"),
    ]
    settled = settle(planned, EXISTING)
    assert [(one.section_id, place) for one, place in settled] == [
        ("s1", 0),
        ("s3", 2),
        ("s2", 1),
        ("s4", 3),
    ]
    assert (settled[2][0].purpose, settled[2][0].post_ids) == ("새 까닭", ("a", "b"))


def test_another_type_or_other_posts_are_new_sections_with_ids_nobody_had() -> None:
    planned = [
        plan("s1", "intro", "b"),
        plan("s2", "curation_card", "a", "b"),
        plan("s3", "spotlight", "a"),
        plan("s4", "closing", "a"),
    ]
    settled = settle(planned, EXISTING)
    assert [place for _, place in settled] == [None] * 4
    assert [one.section_id for one, _ in settled] == ["s5", "s6", "s7", "s8"]


def test_a_section_is_taken_up_once() -> None:
    twice = [plan("s1", "curation_card", "c"), plan("s2", "curation_card", "c")]
    assert [place for _, place in settle(twice, EXISTING)] == [2, None]
    same = [*EXISTING, plan("s9", "curation_card", "c")]
    settled = settle(twice, same)
    assert [(one.section_id, place) for one, place in settled] == [("s3", 2), ("s9", 4)]
