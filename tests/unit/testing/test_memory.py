from __future__ import annotations

import pytest

from fabula.documents.magazine import MagazineBrief, TemplateChoice
from fabula.errors import Cancelled, Rejected, StoreError
from fabula.graphs.magazine.agents import CLASSIFY, OUTLINE
from fabula.store.ports import Artifact
from fabula.testing.memory import (
    MemoryArtifacts,
    MemoryDocuments,
    MemoryPublisher,
    ScriptedAgents,
)

ALIASES = {"template": {"t1": "quiet"}}


async def test_a_document_is_kept_by_kind_and_content() -> None:
    documents = MemoryDocuments()
    brief = MagazineBrief(angle="봄")
    id_ = await documents.put(brief)
    assert id_ == await documents.put(MagazineBrief(angle="봄"))
    assert await documents.get(MagazineBrief, id_) == brief
    with pytest.raises(StoreError):
        await documents.get(MagazineBrief, "MagazineBrief:0")


async def test_a_name_written_again_is_replaced_and_its_bytes_stay() -> None:
    artifacts = MemoryArtifacts()
    first = await artifacts.put("a.txt", b"one", "text/plain")
    second = await artifacts.put("a.txt", b"two", "text/plain")
    assert list(await artifacts.list()) == [second]
    assert await artifacts.read(first.hash) == b"one"
    with pytest.raises(StoreError):
        await artifacts.read("0")


async def test_what_was_published_can_be_looked_at() -> None:
    publisher = MemoryPublisher()
    await publisher.publish([(Artifact("a.txt", "h", "text/plain", 1), b"x")])
    assert publisher.files == {"a.txt": b"x"}


async def test_answers_are_checked_as_the_gateway_does() -> None:
    answers = [
        {"template_id": "t1", "reason": "조용해서"},
        {"template_id": "quiet", "reason": "본래 이름"},
        {"template_id": "t1"},
    ]
    agents = ScriptedAgents({"magazine.classify": answers})
    first = await agents.call(CLASSIFY, {}, item="x", aliases=ALIASES)
    assert first == TemplateChoice(template_id="quiet", reason="조용해서")
    for _ in range(2):
        bad = await agents.call(CLASSIFY, {}, item="x", aliases=ALIASES)
        assert isinstance(bad, Rejected)
    assert len(agents.asked("magazine.classify")) == 3


async def test_bounds_are_held() -> None:
    end = {"purpose": "본다", "post_ids": []}
    answer = {"title": "가", "dek": "나", "intro": end, "body": [], "closing": end}
    agents = ScriptedAgents({"magazine.outline": lambda _: answer})
    bad = await agents.call(OUTLINE, {}, item="x", bounds={"body": (1, 2)})
    assert isinstance(bad, Rejected)
    assert "1~2" in bad.reason


async def test_an_exception_is_raised_and_a_rejected_is_a_value() -> None:
    rejected = Rejected(agent="magazine.classify", item="x", reason="끊김")
    agents = ScriptedAgents({"magazine.classify": [rejected, Cancelled("stop")]})
    assert await agents.call(CLASSIFY, {}, item="x") is rejected
    with pytest.raises(Cancelled):
        await agents.call(CLASSIFY, {}, item="x")


async def test_a_missing_or_used_up_script_is_an_error_of_the_test() -> None:
    agents = ScriptedAgents({"magazine.classify": []})
    with pytest.raises(LookupError, match="used up"):
        await agents.call(CLASSIFY, {}, item="x")
    with pytest.raises(LookupError, match="no script"):
        await agents.call(OUTLINE, {}, item="x")
