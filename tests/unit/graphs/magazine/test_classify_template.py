from __future__ import annotations

from typing import Any

import pytest

from fabula.documents.magazine import SourceSet, TemplateChoice
from fabula.errors import Cancelled, Rejected
from fabula.graphs.magazine import classify as module
from fabula.graphs.magazine.classify import classify_template
from fabula.graphs.magazine.sources import fetch_sources
from fabula.testing.magazine import brief_of
from fabula.testing.memory import Answer, memory_services

Notices = list[tuple[str, dict[str, object]]]


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> Notices:
    told: Notices = []
    monkeypatch.setattr(module, "notice", lambda kind, **data: told.append((kind, data)))
    return told


async def classify(answer: Answer) -> tuple[Any, Any]:
    services, agents, _ = memory_services({"magazine.classify": [answer]})
    state: dict[str, str] = {"brief": await services.documents.put(brief_of())}
    state.update(await fetch_sources(services)(state))
    assert (await services.documents.get(SourceSet, state["sources"])).posts
    return await classify_template(services)(state), agents


async def test_the_chosen_template_goes_into_state(notices: Notices) -> None:
    answer = {"template_id": "shopping-guide", "reason": "고르는 글"}
    update, agents = await classify(answer)
    assert update == {"template_id": "shopping-guide"}
    assert notices == []
    assert set(agents.calls[0].aliases["template"]) == {
        "editorial-deep",
        "shopping-guide",
        "pinterest-board",
    }
    assert agents.calls[0].item == "classify_template"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"template_id": "vogue", "reason": "멋져서"}, "vogue"),
        (TemplateChoice(template_id="vogue", reason="검사를 비켜 간 답"), "vogue"),
        (Rejected(agent="magazine.classify", item="classify_template", reason="끊긴 답"), "끊긴"),
    ],
    ids=["unknown", "unchecked", "rejected"],
)
async def test_unknown_or_rejected_falls_back_and_says_why(
    answer: Answer, says: str, notices: Notices
) -> None:
    update, _ = await classify(answer)
    assert update == {"template_id": "editorial-deep"}
    ((kind, data),) = notices
    assert kind == "template_fallback"
    assert data["template_id"] == "editorial-deep"
    assert says in str(data["reason"])


async def test_a_stop_is_no_reason_to_fall_back() -> None:
    with pytest.raises(Cancelled):
        await classify(Cancelled("stopped"))
