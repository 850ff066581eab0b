from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from fabula.errors import Cancelled, Rejected
from fabula.nodes import Slot, Slots, Update, fan_out, merge_slots, open_slot


class State(TypedDict, total=False):
    topic: str
    items: Annotated[Slots, merge_slots]


class Bench:
    """Counts the work of a fan-out; `bad` items fail their first `bad[item]` attempts."""

    def __init__(self, bad: dict[str, int] | None = None) -> None:
        self.bad = bad or {}
        self.made: Counter[str] = Counter()
        self.seen: list[tuple[str, int, str | None]] = []

    async def make(self, slot: Slot, carried: Any) -> str | Rejected:
        self.made[slot["id"]] += 1
        self.seen.append((slot["id"], slot["attempt"], slot["reason"]))
        return f"{slot['id']}#{slot['attempt']}@{carried.get('topic')}"

    async def judge(self, slot: Slot, carried: Any) -> str | None:
        if slot["attempt"] < self.bad.get(slot["id"], 0):
            return f"bad at {slot['attempt']}"
        return None

    async def placeholder(self, slot: Slot) -> str:
        return f"placeholder for {slot['id']}: {slot['reason']}"


def opening(*verbs: str, count: int = 3) -> Any:
    async def plan(state: Any) -> Update:
        slots = [
            open_slot(verb, f"s{n}", f"Plan:{n}") for verb in verbs for n in range(1, count + 1)
        ]
        return {"topic": "바다", "items": {slot["id"]: slot for slot in slots}}

    return plan


def one(bench: Bench, *, verb: str = "write", attempts: int = 2) -> StateGraph[Any, Any, Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    graph.add_node("plan", opening("write"))
    graph.add_edge(START, "plan")
    fan_out(
        graph,
        verb=verb,
        validator="validate",
        make=bench.make,
        judge=bench.judge,
        placeholder=bench.placeholder,
        after="plan",
        then=END,
        attempts=attempts,
        carry=("topic",),
    )
    return graph


async def run(graph: StateGraph[Any, Any, Any, Any]) -> Slots:
    items: Slots = (await graph.compile().ainvoke({}, {"recursion_limit": 20}))["items"]
    return items


async def test_a_worker_sees_its_slot_and_the_carried_keys_alone() -> None:
    payloads: list[set[str]] = []
    bench = Bench()

    async def make(slot: Slot, carried: Any) -> str:
        payloads.append(set(carried))
        return f"{slot['id']}@{carried['topic']}"

    bench.make = make  # type: ignore[method-assign]  # a stand-in that looks at its payload
    items = await run(one(bench))
    assert payloads == [{"topic"}] * 3
    assert items["write/s2"]["document"] == "write/s2@바다"


async def test_only_failed_items_are_done_again_with_the_reason() -> None:
    bench = Bench({"write/s2": 1})
    items = await run(one(bench))
    assert bench.made == {"write/s1": 1, "write/s2": 2, "write/s3": 1}
    assert ("write/s2", 1, "bad at 0") in bench.seen
    assert items["write/s2"] == {
        "id": "write/s2",
        "status": "accepted",
        "attempt": 1,
        "plan": "Plan:2",
        "document": "write/s2#1@바다",
        "reason": None,
    }


async def test_after_the_last_attempt_a_placeholder_stands_and_says_so() -> None:
    bench = Bench({"write/s3": 9})
    compiled = one(bench).compile()
    notices: list[Any] = []
    final: Any = None
    async for mode, part in compiled.astream({}, stream_mode=["custom", "values"]):
        if mode == "custom":
            notices.append(part)
        else:
            final = part
    assert bench.made["write/s3"] == 2
    assert final["items"]["write/s3"]["status"] == "placeholder"
    assert final["items"]["write/s3"]["document"] == "placeholder for write/s3: bad at 1"
    assert notices == [
        {"type": "rewrite", "item": "write/s3", "attempt": 1, "reason": "bad at 0"},
        {"type": "placeholder", "item": "write/s3", "attempts": 2, "reason": "bad at 1"},
    ]


async def test_a_rejected_item_is_a_reason_and_never_raises() -> None:
    bench = Bench()
    make = bench.make

    async def rejecting(slot: Slot, carried: Any) -> str | Rejected:
        if slot["id"] == "write/s1" and slot["attempt"] == 0:
            return Rejected(agent="a", item=slot["id"], reason="no JSON")
        return await make(slot, carried)

    bench.make = rejecting  # type: ignore[method-assign]  # rejects one item once
    items = await run(one(bench))
    assert ("write/s1", 1, "no JSON") in bench.seen
    assert {slot["status"] for slot in items.values()} == {"accepted"}


async def test_a_reason_in_the_state_stays_short() -> None:
    bench = Bench()

    async def rejecting(slot: Slot, carried: Any) -> str | Rejected:
        return Rejected(agent="a", item=slot["id"], reason="긴 까닭 " * 1000)

    bench.make = rejecting  # type: ignore[method-assign]  # rejects everything at length
    items = await run(one(bench))
    assert {len(slot["reason"] or "") for slot in items.values()} == {800}


async def test_a_stop_goes_through() -> None:
    bench = Bench()

    async def stopping(slot: Slot, carried: Any) -> str | Rejected:
        raise Cancelled("stopped")

    bench.make = stopping  # type: ignore[method-assign]  # stops the run
    with pytest.raises(Cancelled):
        await run(one(bench))


async def test_nothing_opened_goes_on_to_what_follows() -> None:
    bench = Bench()
    items = await run(one(bench, verb="other"))
    assert not bench.made
    assert {slot["status"] for slot in items.values()} == {"open"}


@pytest.mark.parametrize("attempts", [1, 2, 3])
async def test_no_loop_is_endless(attempts: int) -> None:
    bench = Bench({f"write/s{n}": 99 for n in (1, 2, 3)})
    items = await run(one(bench, attempts=attempts))
    assert set(bench.made.values()) == {attempts}
    assert {slot["status"] for slot in items.values()} == {"placeholder"}
    assert {slot["attempt"] for slot in items.values()} == {attempts}


def two(first: Bench, second: Bench, *, parallel: bool) -> StateGraph[Any, Any, Any, Any]:
    """Two fan-outs over the same items: side by side, or the second after the first."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    graph.add_node("plan", opening("write", "draw") if parallel else opening("write"))
    graph.add_edge(START, "plan")
    if not parallel:
        graph.add_node("plan_draw", opening("draw"))

    async def join(state: Any) -> Update:
        first.made["join"] += 1
        return {}

    graph.add_node("join", join, defer=True)
    graph.add_edge("join", END)
    for verb, bench, after, then in (
        ("write", first, "plan", "join" if parallel else "plan_draw"),
        ("draw", second, "plan" if parallel else "plan_draw", "join"),
    ):
        fan_out(
            graph,
            verb=verb,
            validator=f"validate_{verb}",
            make=bench.make,
            judge=bench.judge,
            placeholder=bench.placeholder,
            after=after,
            then=then,
        )
    return graph


@pytest.mark.parametrize("parallel", [True, False], ids=["parallel", "sequence"])
@pytest.mark.parametrize("bad", [1, 2], ids=["once", "for good"])
async def test_two_fan_outs_touch_their_own_slots_only(parallel: bool, bad: int) -> None:
    write, draw = Bench({"write/s1": 1}), Bench({"draw/s2": bad})
    items = await run(two(write, draw, parallel=parallel))
    assert write.made == {"write/s1": 2, "write/s2": 1, "write/s3": 1, "join": 1}
    assert draw.made == {"draw/s1": 1, "draw/s2": 2, "draw/s3": 1}
    expected = dict.fromkeys(("write/s2", "write/s3", "draw/s1", "draw/s3"), ("accepted", 0))
    expected["write/s1"] = ("accepted", 1)
    expected["draw/s2"] = ("accepted", 1) if bad == 1 else ("placeholder", 2)
    assert {id_: (s["status"], s["attempt"]) for id_, s in items.items()} == expected


async def test_a_run_broken_off_and_resumed_ends_like_an_unbroken_one() -> None:
    bench, steady = Bench({"write/s2": 1}), Bench({"write/s2": 1})
    make, broken = bench.make, asyncio.Event()

    async def breaking(slot: Slot, carried: Any) -> str | Rejected:
        made = await make(slot, carried)
        if slot["attempt"] == 1 and not broken.is_set():
            broken.set()
            raise RuntimeError("pulled the plug")
        return made

    bench.make = breaking  # type: ignore[method-assign]  # breaks once, after its work
    compiled = one(bench).compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}, "recursion_limit": 20}
    with pytest.raises(RuntimeError, match="plug"):
        await compiled.ainvoke({}, config)
    resumed = await compiled.ainvoke(None, config)
    assert resumed["items"] == await run(one(steady))
    assert [seen for seen in bench.seen if seen[1] == 1] == [("write/s2", 1, "bad at 0")] * 2


async def test_a_worker_replayed_with_the_same_send_changes_nothing() -> None:
    bench = Bench()
    graph = one(bench)
    work: Any = graph.nodes["write"].runnable
    slot = {**open_slot("write", "s1", "Plan:1"), "attempt": 1, "reason": "short"}
    payload = {"slot": slot, "topic": "바다"}
    once, again = await work.ainvoke(payload), await work.ainvoke(payload)
    assert once == again
    assert once["items"]["write/s1"]["attempt"] == 1
    assert merge_slots(once["items"], again["items"]) == once["items"]


@pytest.mark.parametrize(("failing", "attempts"), [(-1, []), (1, [0, 1])])
async def test_drafted_slots_are_judged_before_anything_is_made(
    failing: int, attempts: list[int]
) -> None:
    bench = Bench(bad={"write/s1": failing, "write/s2": -1})

    async def plan(state: Any) -> Update:
        kept = [open_slot("write", name, f"Plan:{name}") for name in ("s1", "s2")]
        drafted: Slots = {
            slot["id"]: {**slot, "status": "drafted", "attempt": -1, "document": "old"}
            for slot in kept
        }
        return {"topic": "바다", "items": drafted}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    graph.add_node("plan", plan)
    graph.add_edge(START, "plan")
    fan_out(
        graph,
        verb="write",
        validator="validate",
        make=bench.make,
        judge=bench.judge,
        placeholder=bench.placeholder,
        after="plan",
        then=END,
        judge_first=True,
    )
    items = await run(graph)
    assert [attempt for _, attempt, _ in bench.seen] == attempts
    assert items["write/s2"]["document"] == "old"
    assert {slot["status"] for slot in items.values()} == {"accepted"}
