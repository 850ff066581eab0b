from __future__ import annotations

import dataclasses

import pytest

from benchmarks.ground import Task
from benchmarks.kill import Blow, Unbroken, Verdict, try_each

pytestmark = pytest.mark.chaos

BLOWS = (
    Blow("before_claim", 4),
    Blow("after_claim", 6),
    Blow("after_pay", 1),
    Blow("after_record", 7),
    Blow("after_checkpoint", 2),
    Blow(None, after_s=0.12),
)


@pytest.fixture(scope="module")
def verdicts(
    echo: Task, whole: Unbroken, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Verdict]:
    """Kill one run at each blow, two at a time: starting Python is most of the work."""
    found = try_each(echo, [[blow] for blow in BLOWS], whole, tmp_path_factory.mktemp("killed"))
    return {verdict.blows[0].name: verdict for verdict in found}


@pytest.mark.parametrize("name", [blow.name for blow in BLOWS])
def test_a_killed_run_resumes_to_the_same_result_and_pays_again_only_for_calls_in_flight(
    name: str, verdicts: dict[str, Verdict]
) -> None:
    verdict = verdicts[name]

    assert verdict.kills == 1
    assert verdict.broken == []
    assert verdict.unequal == []
    assert not verdict.lost
    assert verdict.repaid <= verdict.in_flight


def test_an_answer_that_never_reached_the_disk_is_paid_again_and_counted(
    verdicts: dict[str, Verdict],
) -> None:
    """The first answer was on its way to the ledger: the count sees it, or it sees nothing."""
    assert (verdicts["after_pay"].in_flight, verdicts["after_pay"].repaid) == (1, 1)


def test_a_verdict_fails_when_more_was_paid_again_than_flew() -> None:
    blows = [Blow("after_record", 1)]
    good = Verdict(blows, kills=1, in_flight=1, repaid=1)

    assert good.holds
    assert not dataclasses.replace(good, repaid=2).holds
    assert not dataclasses.replace(good, kills=0).holds
    assert not dataclasses.replace(good, unequal=["result.json"]).holds
    assert not dataclasses.replace(good, lost=True).holds
