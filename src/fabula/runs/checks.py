"""Check what a caller hands to the runner, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fabula.briefs import dotted
from fabula.briefs import read_brief as valid
from fabula.complaints import complaint
from fabula.documents import Document
from fabula.errors import BadInput, Conflict
from fabula.korean.particles import attach
from fabula.nodes import Replacements
from fabula.products import Product
from fabula.settings import Settings, flag_environment, flag_variables, ready_folder
from fabula.store.runs import RunRow
from fabula.store.tables import NANO

MOST_USD_OR_SECONDS = 1e9
Brief = Document | Mapping[str, Any] | str | Path


def merge_flags(made: Product, given: Mapping[str, Any], settings: Settings) -> BaseModel:
    """Merge flags: given over environment over YAML over default. BadInput names a wrong one.

    One that a variable of the environment or `settings.yaml` set is named with it.
    """
    names = {name: made.flag_aliases.get(name, ()) for name in made.flags.model_fields}
    from_yaml = settings.flags.get(made.name, {})
    values = {**from_yaml, **flag_environment(made.name, names), **given}
    try:
        return made.flags.model_validate(values)
    except ValidationError as error:
        raise _bad_flag(made, error.errors()[0], given, from_yaml) from None


def _bad_flag(
    made: Product, error: ErrorDetails, given: Mapping[str, Any], from_yaml: Mapping[str, Any]
) -> BadInput:
    names = {name: made.flag_aliases.get(name, ()) for name in made.flags.model_fields}
    flag, got, place = str(error["loc"][0]), str(error["input"])[:80], ""
    if flag not in given:
        variable = flag_variables(made.name, names).get(flag)
        place = variable or ("settings.yaml" if flag in from_yaml else "")
    wanted = error["msg"]
    if error["type"].startswith("bool"):
        wanted = "wanted true, 1, yes, on or false, 0, no, off"
    en = f"got {got!r}{f' from {place}' if place else ''}: {wanted}"
    if error["type"] == "extra_forbidden":
        en += f"; flags of {made.name}: {', '.join(names)}"
    ko = f"{f'{place}의 ' if place else ''}값이 `{got}`입니다. {complaint(error)}"
    if error["type"] == "extra_forbidden":
        ko = f"{made.name}에 없는 플래그입니다. 있는 것: {', '.join(names)}"
    return BadInput(f"flags.{dotted(error)}", en, ko)


def choose_flags(
    made: Product, given: Mapping[str, Any], settings: Settings, brief: Document
) -> tuple[BaseModel, Mapping[str, Any]]:
    """Merge the flags of a run of this brief; what nobody named, the product may settle by it.

    The second value says why, as plain JSON for the run's first event.
    """
    merged = merge_flags(made, given, settings)
    return made.settle(merged, brief) if made.settle else (merged, {})


def read_brief(made: Product, brief: Brief) -> Document:
    """Read what stands for a brief: a document, plain data or a file's path."""
    if isinstance(brief, str | Path):
        return made.load_brief(Path(brief))
    if isinstance(brief, made.brief):
        return brief
    if isinstance(brief, Mapping):
        return made.read_brief(brief, folder=Path.cwd())
    raise BadInput("brief", f"got {type(brief).__name__}, wanted {made.brief.__name__} or a file")


def check_resumable(row: RunRow, replace: Replacements) -> None:
    """Refuse to go on with a run that is finished, failed for good or waits for a person."""
    if row.status == "succeeded":
        raise Conflict(
            "run",
            f"`{row.id}` has succeeded: there is nothing to resume",
            f"{attach(f'`{row.id}`', '는')} 이미 끝난 실행입니다",
        )
    if row.code == "gate_failed":
        raise Conflict(
            "run",
            f"`{row.id}` failed at a gate, which a second try cannot change: start a new run",
            f"{attach(f'`{row.id}`', '는')} 검사에서 멈췄습니다. "
            "다시 해도 같으니 새 실행을 시작하세요",
        )
    if row.status == "waiting":
        raise Conflict(
            "run",
            f"`{row.id}` waits for a decision: fabula decide {row.id} --answer …",
            f"{attach(f'`{row.id}`', '는')} 결정을 기다립니다: fabula decide {row.id} --answer …",
        )
    check_replaced(row, replace)


def check_replaced(row: RunRow, replace: Replacements) -> None:
    """Refuse to go on without the nodes that the run was started with."""
    if sorted(replace) != sorted(row.replaced):
        wanted = ", ".join(row.replaced) or "none"
        raise Conflict(
            "replace",
            f"the run was started with other replaced nodes (its own: {wanted}): bring the same",
            f"이 실행은 노드를 바꿔 시작했습니다({wanted}). 같은 노드를 넘겨 주세요",
        )


def open_ask(row: RunRow, name: str | None) -> Mapping[str, Any]:
    """Return the question that a waiting run asks; `name` is a question's name or id."""
    asks = (row.reason or {}).get("asks", []) if row.status == "waiting" else []
    if not asks:
        raise Conflict(
            "run",
            f"`{row.id}` waits for no decision ({row.status})",
            f"{attach(f'`{row.id}`', '는')} 결정을 기다리고 있지 않습니다({row.status})",
        )
    found = [one for one in asks if name in (None, one["name"], one["id"])]
    if len(found) != 1:
        listed = ", ".join(str(one["name"]) for one in asks)
        raise Conflict(
            "ask",
            f"got {name!r}, wanted one of the open questions: {listed}",
            f"답할 질문을 하나만 고르세요: {listed}",
        )
    only: Mapping[str, Any] = found[0]
    return only


def checked_answer(made: Product, ask: Mapping[str, Any], answer: object) -> dict[str, Any]:
    """Return the answer as plain JSON; BadInput names the field that is not what was asked for."""
    plain = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
    if not isinstance(plain, Mapping):
        got = type(plain).__name__
        raise BadInput(
            "answer", f"is {got}, wanted a mapping of fields", "`이름: 값` 꼴이어야 합니다"
        )
    model = made.answers.get(str(ask["name"]))
    # A reader's own node checks its answers itself and asks again.
    return valid(plain, model).model_dump(mode="json") if model else dict(plain)


def out_folder(settings: Settings, out: str | Path | None, run_id: str) -> Path:
    """Return the folder to publish into, made before anything is paid for."""
    folder = Path(out) if out else settings.home / "published" / run_id
    return ready_folder(folder).resolve()


def nano(budget: float | None) -> int | None:
    """Return a budget in USD as nano-USD; BadInput where it is no amount."""
    if positive("budget", budget) is None:
        return None
    return round((budget or 0) * NANO)


def positive(name: str, value: float | None) -> float | None:
    """Return the value; BadInput names it where it is not more than 0."""
    if value is not None and not 0 < value < MOST_USD_OR_SECONDS:
        raise BadInput(
            name,
            f"got {value:g}, wanted more than 0; leave it out for no limit",
            f"{attach(f'{value:g}', '은')} 쓸 수 없습니다. 0보다 커야 합니다. "
            "제한이 없으면 빼 주세요",
        )
    return value
