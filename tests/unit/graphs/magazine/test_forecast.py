from collections.abc import Sequence
from pathlib import Path

import pytest

from fabula.documents.magazine import MagazineBrief
from fabula.errors import BadInput
from fabula.gateway.forecast import ExpectedCall
from fabula.graphs.magazine.flags import MagazineFlags
from fabula.graphs.magazine.forecast import FEED_POSTS, forecast
from fabula.graphs.magazine.templates import FALLBACK, TEMPLATE_REGISTRY
from fabula.runs import Runner
from fabula.runs.report import cost_report
from fabula.settings import Settings
from fabula.store.ledger import entries
from fabula.testing.magazine import brief_of

ONE = MagazineFlags(mode="single_call")
MANY = MagazineFlags(mode="multi_stage")
POLISHED = {"polish_enabled": True}


def _item(calls: Sequence[ExpectedCall], item: str) -> list[ExpectedCall]:
    return [call for call in calls if call.item == item]


def _expected(calls: Sequence[ExpectedCall]) -> float:
    return sum(call.times for call in calls)


async def test_one_call_is_expected_of_one_call() -> None:
    [call] = await forecast(brief_of(), ONE)
    assert (call.agent, call.item, call.times) == ("magazine.compose", "compose_layout", 1)
    assert call.input_tokens > 1000


async def test_many_stages_are_a_choice_a_plan_and_each_section() -> None:
    calls = await forecast(brief_of(sections=5), MANY)
    assert _expected(calls) == pytest.approx(2 + 5)
    assert {call.item for call in calls} == {
        "classify_template",
        "plan_outline",
        *(f"write_section/s{number}" for number in range(1, 6)),
    }


async def test_without_a_number_of_sections_the_bound_is_the_longest_template() -> None:
    calls = await forecast(brief_of(), MANY)
    most = max(spec.sections.most for spec in TEMPLATE_REGISTRY.values())
    assert _expected(calls) == pytest.approx(2 + TEMPLATE_REGISTRY[FALLBACK].sections.default)
    assert len({call.item for call in calls}) == 2 + most


async def test_a_body_s_section_may_get_any_writer_of_the_body() -> None:
    calls = _item(await forecast(brief_of(), MANY), "write_section/s2")
    assert _expected(calls) == pytest.approx(1)
    body = {type_ for spec in TEMPLATE_REGISTRY.values() for type_ in spec.body_types}
    assert {call.agent for call in calls} == {f"magazine.write_{type_}" for type_ in body}
    for call in calls:
        assert call.input_tokens <= call.input_most
        assert call.carries == ("plan_outline",)


@pytest.mark.parametrize(
    ("flags", "carried"), [(ONE, {"compose_layout"}), (MANY, {"write_section/s1"})]
)
async def test_a_polish_is_one_call_more_over_what_was_written(
    flags: MagazineFlags, carried: set[str]
) -> None:
    plain = await forecast(brief_of(), flags)
    calls = await forecast(brief_of(), flags.model_copy(update=POLISHED))
    [polish] = _item(calls, "polish_layout")
    assert list(calls) == [*plain, polish]
    assert (polish.agent, polish.times) == ("magazine.polish", 1)
    assert set(polish.carries) >= carried


async def test_longer_posts_make_longer_prompts() -> None:
    [short], [long] = await forecast(brief_of(2), ONE), await forecast(brief_of(9), ONE)
    assert short.input_tokens < long.input_tokens


async def test_an_address_is_never_asked() -> None:
    web = MagazineBrief(angle="동네", sources="https://feed.example/rss")
    [call] = await forecast(web, ONE)
    [with_posts] = await forecast(brief_of(2, sources="https://feed.example/rss"), ONE)
    assert call.input_tokens > FEED_POSTS * 1000
    assert with_posts.input_tokens > call.input_tokens


async def test_a_featured_post_that_is_not_there_is_for_the_run_to_refuse() -> None:
    [call] = await forecast(brief_of(featured=("nobody",)), ONE)
    assert call.input_tokens == (await forecast(brief_of(), ONE))[0].input_tokens


@pytest.mark.parametrize("sources", [None, "nowhere", "."])
async def test_sources_without_a_post_are_bad_input(
    sources: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    brief = MagazineBrief.model_construct(angle="동네", sources=sources)
    with pytest.raises(BadInput, match="sources"):
        await forecast(brief, ONE)


@pytest.mark.parametrize("flags", [ONE, MANY, ONE.model_copy(update=POLISHED)])
async def test_the_prompts_are_those_that_the_run_pays_for(
    flags: MagazineFlags, tmp_path: Path
) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "long.md").write_text("# 긴 글\n\n" + "강가의 책방은 봄마다 문을 연다.\n\n" * 2_000)
    (folder / "short.html").write_text("<h1>짧은 글</h1><p>시장 골목의 부엌이다.</p>")
    brief = brief_of(4, sections=5, sources=str(folder))
    by_item = {call.item: call for call in await forecast(brief, flags)}
    runner = Runner(Settings(home=tmp_path / "home"))
    result = await runner.run("magazine", brief, flags=flags.model_dump(mode="json"))
    assert result.succeeded, result.message
    async with runner.store() as store:
        paid = await entries(store, result.run_id)
        error = (await cost_report(store, result.run_id))["estimate"]
    guesses = {row.item: row.estimated_tokens for row in paid if not row.attempt and not row.ask}
    for item in ("compose_layout", "classify_template"):
        if item in guesses:
            assert guesses[item] == by_item[item].input_tokens
    assert guesses.keys() <= by_item.keys()
    for name, part in error.items():
        assert part["true"] <= part["most"], name
    assert abs(error["calls"]["off"]) < 0.5
    assert abs(error["input_tokens"]["off"]) < 0.5
