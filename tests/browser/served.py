"""The service in a process of its own, with a product that asks a person.

`python -m tests.browser.served HOME MODEL_SERVER [PORT]` prints the service's address on one line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypedDict

from pydantic import Field, SecretStr

from fabula.documents import Strict
from fabula.errors import Rejected
from fabula.nodes import Replacements, Services, decide
from fabula.nodes.services import Update
from fabula.service import create_app
from fabula.service.serving import serve
from fabula.settings import Settings
from fabula.testing.echo import ECHO, PLAN, EchoBrief, EchoFlags, EchoPlan, EchoResult

MODELS = """
profiles:
  cloud:
    "*": {model: "openai:gpt-4.1-mini"}
    magazine.compose: {model: "google_genai:gemini-2.5-pro", max_output_tokens: 16384}
    magazine.outline: {model: "google_genai:gemini-2.5-pro", max_output_tokens: 8192}
"""


class Verdict(Strict):
    pick: Literal["a", "b"] = Field(title="제목", description="목록에서 하나를 고르세요")
    why: str = Field(default="", title="까닭", max_length=120)
    copies: int = Field(default=1, title="부수")
    loud: bool = Field(default=False, title="크게")


class State(TypedDict, total=False):
    brief: str
    title: str
    verdict: Mapping[str, Any]
    result: str


def build(services: Services, flags: EchoFlags, *, replace: Replacements) -> Any:
    """Build plan → choose, which waits for a person → finish."""
    from langgraph.graph import END, START, StateGraph

    async def plan(state: State) -> Update:
        brief = await services.documents.get(EchoBrief, state["brief"])
        variables = {"count": brief.count, "text": brief.text}
        made = await services.agents.call(PLAN, variables, item="plan")
        if isinstance(made, Rejected):
            raise made
        return {"title": EchoPlan.model_validate(made).title}

    async def question(state: State) -> tuple[str, Mapping[str, Any]]:
        return "어느 제목이 좋은가요?", {"a": state["title"], "b": "<script>alert(1)</script>"}

    async def keep(state: State, verdict: Verdict) -> Update:
        return {"verdict": verdict.model_dump(mode="json")}

    async def finish(state: State) -> Update:
        told = json.dumps(state["verdict"], ensure_ascii=False, sort_keys=True)
        result = EchoResult(status="complete", title=state["title"], texts=(told,))
        page = f"<!doctype html><title>a</title><h1>{told}</h1><script>parent.hacked = 1</script>"
        files = [
            ("index.html", page.encode(), "text/html; charset=utf-8"),
            ("result.json", result.model_dump_json().encode(), "application/json"),
        ]
        for name, data, kind in files:
            artifact = await services.artifacts.put(name, data, kind)
            await services.publisher.publish([(artifact, data)])
        return {"result": await services.documents.put(result)}

    graph = StateGraph(State)
    graph.add_node("plan", plan)
    graph.add_node("choose", decide("title", Verdict, question=question, keep=keep))
    graph.add_node("finish", finish)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "choose")
    graph.add_edge("choose", "finish")
    graph.add_edge("finish", END)
    return graph


CHOICE = replace(ECHO, name="choice", build=build, answers={"title": Verdict}, forecast=None)


def main(home: Path, models: str, port: int) -> None:
    """Serve until the process is asked to end."""
    config = home / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "agent_model_map.yaml").write_text(MODELS)
    settings = Settings(
        home=home,
        config_dir=config,
        profile="cloud",
        openai_api_key=SecretStr("none-needed"),
        openai_base_url=f"{models}/v1",
        google_api_key=SecretStr("none-needed"),
        google_base_url=models,
        sweep_s=0.1,
    )
    app = create_app(settings, products={"echo": ECHO, "choice": CHOICE})

    def ready(address: str, locked: bool) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()

    asyncio.run(serve(app, host="127.0.0.1", port=port, ready=ready))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
