"""Work on many items at once, judge each, do again only what failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fabula.errors import Rejected
from fabula.nodes.notice import notice
from fabula.nodes.services import Update
from fabula.nodes.slot import Slot, slots_of

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

Carried = Mapping[str, Any]
"""The state keys that travel with each item: ids, never text."""
Make = Callable[[Slot, Carried], Awaitable[str | Rejected]]
"""Do one item's work; return the id of its document, or why there is none."""
Judge = Callable[[Slot, Carried], Awaitable[str | None]]
"""Return None for a document that passes, else the reason that the next attempt is given."""
REASON = 800
"""A reason is kept in the state, so it stays short: at most so many characters."""
Stand = Callable[[Slot], Awaitable[str]]
"""Make the typed placeholder of an item whose attempts are used up; return its id."""
Keep = Callable[[Slot, Carried], Awaitable[str | None]]
"""Return the document that stood there before and stays where no attempt passed, or None."""


def fan_out(
    graph: StateGraph[Any, Any, Any, Any],
    *,
    verb: str,
    validator: str,
    make: Make,
    judge: Judge,
    placeholder: Stand,
    after: str,
    then: str,
    worker: str | None = None,
    attempts: int = 2,
    carry: Sequence[str] = (),
    judge_first: bool = False,
    keep: Keep | None = None,
) -> None:
    """Add a worker node, a validator node and the router between `after` and `then`.

    The graph's state has a channel `items` merged by `merge_slots`; `after`, or a node before it,
    opens the slots `<verb>/<item>`. Each open slot is sent to the worker (named `worker`, by
    default `verb`) as `{"slot": slot, **carry}`. Only the validator raises a slot's `attempt`: it
    opens the slot again (notice `rewrite`), or after `attempts` of them puts a placeholder in its
    place (notice `placeholder`); both notices give the reason.
    With `judge_first` the validator comes before the worker: slots may be opened `drafted`, with a
    document that is kept where it passes. One that is opened with `attempt` -1 and does not pass
    has all its attempts left.
    Where `keep` names a document for a slot whose attempts are used up, that one stays, accepted,
    instead of a placeholder (notice `rewrite_refused`, with the reason).
    Other verbs' slots are neither read nor written. Where two fan-outs run side by side and meet
    in one `then`, that node is added with `defer=True`, or it runs once for each of them.
    """
    from langgraph.types import Send

    worker = worker or verb

    async def work(state: Any) -> Update:
        slot: Slot = state["slot"]
        made = await make(slot, {key: state.get(key) for key in carry})
        return {"items": {slot["id"]: _worked(slot, made)}}

    async def validate(state: Any) -> Update:
        carried = {key: state.get(key) for key in carry}
        judged: dict[str, Slot] = {}
        for slot in slots_of(state.get("items", {}), verb):
            if slot["status"] == "drafted":
                reason = await judge(slot, carried)
            elif slot["status"] == "rejected":
                reason = slot["reason"] or "no acceptable answer"
            else:
                continue
            settled = await _settled(slot, reason, attempts)
            if settled["status"] == "placeholder":
                kept = await keep(settled, carried) if keep else None
                settled = await _given_up(settled, kept, placeholder)
            judged[slot["id"]] = settled
        return {"items": judged}

    # LangGraph resolves a router's hints when the graph is built: only names of this module.
    def route(state: Any) -> list[Any] | str:
        carried = {key: state.get(key) for key in carry}
        slots = slots_of(state.get("items", {}), verb)
        sends = [Send(worker, {"slot": s, **carried}) for s in slots if s["status"] == "open"]
        return sends or then

    # LangGraph keys a node's branches by name: two fan-outs may start after the same node.
    route.__name__ = f"route_{worker}"
    graph.add_node(worker, work)
    graph.add_node(validator, validate)
    graph.add_edge(worker, validator)
    if judge_first:
        graph.add_edge(after, validator)
    else:
        graph.add_conditional_edges(after, route, [worker, then])
    graph.add_conditional_edges(validator, route, [worker, then])


def _worked(slot: Slot, made: str | Rejected) -> Slot:
    if isinstance(made, Rejected):
        return {**slot, "status": "rejected", "reason": made.reason[:REASON]}
    return {**slot, "status": "drafted", "document": made}


async def _settled(slot: Slot, reason: str | None, attempts: int) -> Slot:
    if reason is None:
        return {**slot, "status": "accepted", "reason": None}
    reason = reason[:REASON]
    attempt = slot["attempt"] + 1
    if attempt < attempts:
        notice("rewrite", item=slot["id"], attempt=attempt, reason=reason)
        return {**slot, "status": "open", "attempt": attempt, "reason": reason}
    return {**slot, "status": "placeholder", "attempt": attempt, "reason": reason}


async def _given_up(slot: Slot, kept: str | None, placeholder: Stand) -> Slot:
    if kept is not None:
        said = {"attempts": slot["attempt"], "reason": slot["reason"], "kept": kept}
        notice("rewrite_refused", item=slot["id"], **said)
        return {**slot, "status": "accepted", "document": kept}
    document = await placeholder(slot)
    notice("placeholder", item=slot["id"], attempts=slot["attempt"], reason=slot["reason"])
    return {**slot, "document": document}
