"""Tell the run's events a fact that only a node knows."""

from __future__ import annotations


def notice(type: str, **data: object) -> None:  # noqa: A002 - an event's own word
    """Write `{"type": type, **data}` to LangGraph's stream writer; nothing outside a graph.

    `data` is plain JSON. A node that is run again after a crash says it again: notices are facts
    about the work, never counts of it.
    """
    from langgraph.config import get_stream_writer

    try:
        writer = get_stream_writer()
    except (RuntimeError, KeyError):
        return
    writer({"type": type, **data})
