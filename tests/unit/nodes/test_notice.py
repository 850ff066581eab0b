from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

from fabula.nodes import notice


class State(TypedDict):
    n: int


async def tell(state: Any) -> dict[str, int]:
    notice("counted", n=state["n"])
    return {"n": state["n"] + 1}


async def test_is_silent_outside_a_graph() -> None:
    assert await tell({"n": 1}) == {"n": 2}


async def test_reaches_the_stream_writer_inside_one() -> None:
    graph = StateGraph(State)
    graph.add_node("tell", tell)
    graph.add_edge(START, "tell")
    graph.add_edge("tell", END)
    seen = [part async for part in graph.compile().astream({"n": 4}, stream_mode="custom")]
    assert seen == [{"type": "counted", "n": 4}]
