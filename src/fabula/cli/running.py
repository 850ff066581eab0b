"""The commands that execute: `run` and `resume`; and `graph`, which draws what they run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabula.cli.driving import drive
from fabula.cli.edge import DONE, ready_folder
from fabula.cli.terminal import Terminal, usd
from fabula.errors import BadInput, Rejected
from fabula.korean.particles import attach

if TYPE_CHECKING:
    from fabula.runs import Runner, RunResult
    from fabula.settings import Settings

DOOR = "cli"


async def run_product(
    terminal: Terminal,
    settings: Settings,
    *,
    product: str,
    brief: Path,
    flags: Sequence[str],
    mode: str | None = None,
    profile: str | None,
    budget: float | None,
    timeout_s: float | None,
    out: Path | None,
) -> int:
    """Run a product on a brief's file; `mode` is short for the flag of that name."""
    from fabula.runs import new_run_id

    switches = with_mode(read_flags(flags), mode)
    if out is not None:
        await asyncio.to_thread(ready_folder, out)
    run_id = new_run_id()

    async def start(runner: Runner) -> RunResult:
        return await runner.run(
            product,
            brief,
            flags=switches,
            profile=profile,
            budget=budget,
            timeout_s=timeout_s,
            out=out,
            door=DOOR,
            run_id=run_id,
        )

    return (await drive(terminal, settings, run_id, start, fresh=True)).code


async def resume_run(
    terminal: Terminal, settings: Settings, *, run_id: str, budget: float | None
) -> int:
    """Go on with a run, after saying what a fresh allowance may cost."""

    async def start(runner: Runner) -> RunResult:
        await _announce_grant(terminal, runner, run_id)
        return await runner.resume(run_id, budget=budget)

    return (await drive(terminal, settings, run_id, start, fresh=False)).code


async def draw(
    terminal: Terminal, settings: Settings, *, product: str, flags: Sequence[str]
) -> int:
    """Print a product's graph, in the mode of the flags, as Mermaid."""
    from fabula.products import product as find
    from fabula.runs.runner import merge_flags

    made = find(product)
    terminal.say(made.mermaid(merge_flags(made, read_flags(flags), settings)).rstrip())
    return DONE


def read_flags(given: Sequence[str]) -> Mapping[str, Any]:
    """Read `flag=value` pairs; a value is a YAML scalar or list. The last of a name counts."""
    from fabula.settings import parse_yaml

    flags = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise BadInput(
                "--set",
                f"got `{pair}`, wanted flag=value, such as --set mode=multi_stage",
                f"{attach(f'`{pair}`', '는')} 쓸 수 없습니다. "
                "이름=값 꼴로 주세요. 예: --set mode=multi_stage",
            )
        flags[name.strip()] = parse_yaml(value, name=f"--set {name.strip()}")
    return flags


def with_mode(flags: Mapping[str, Any], mode: str | None) -> Mapping[str, Any]:
    """Put `--mode` among the flags; BadInput where `--set mode=…` says something else."""
    if mode is None:
        return flags
    other = str(flags.get("mode", mode))
    if other.strip().lower() != mode.strip().lower():
        raise BadInput(
            "--mode",
            f"--mode {mode} and --set mode={other} disagree: give one of them",
            f"--mode {mode}, --set mode={other}: 서로 다릅니다. 하나만 주세요",
        )
    return {**flags, "mode": mode}


async def _announce_grant(terminal: Terminal, runner: Runner, run_id: str) -> None:
    from fabula.products import product as find
    from fabula.runs.report import highest_price
    from fabula.store.runs import get_run

    async with runner.store() as store:
        row = await get_run(store, run_id)
        item = (row.reason or {}).get("item")
        if row.code != Rejected.code or not item:
            return
        price = await highest_price(store, run_id, item)
    calls = find(row.product).allowance
    most = usd(price * calls)
    terminal.note(
        f"`{item}`에 호출 {calls}번을 새로 허용합니다. 많아야 {most}",
        f"`{item}` gets {calls} calls again: {most} at most",
    )
