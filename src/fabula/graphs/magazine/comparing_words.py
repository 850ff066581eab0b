"""Why two runs of one brief differ as they do, told in the numbers that were measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from fabula.korean.particles import attach

if TYPE_CHECKING:
    from fabula.graphs.magazine.comparison import Comparison, Measured
    from fabula.graphs.magazine.steps import Step

STEP_WORDS: Mapping[str, tuple[str, str]] = {
    "compose": ("한 번에 쓰기", "compose"),
    "classify": ("템플릿 고르기", "classify"),
    "plan": ("기획", "plan"),
    "write": ("섹션 쓰기", "write sections"),
    "polish": ("다듬기", "polish"),
}


class Reason(NamedTuple):
    """One sentence or two in both languages."""

    ko: str
    en: str


def reasons(comparison: Comparison) -> list[Reason]:
    """Say where the calls of multi_stage come from and why its token ratio is what it is.

    Nothing is concluded where a run did not finish: `unfinished` says which and why.
    """
    if comparison.unfinished:
        return []
    compose, write = comparison.single_call.step("compose"), comparison.multi_stage.step("write")
    if compose is None or write is None:
        return []
    return [_calls(comparison, write), _tokens(comparison, compose, write)]


def unfinished(comparison: Comparison) -> list[Reason]:
    """Say of each run without an article how it ended and why."""
    return [_unfinished(one) for one in comparison.unfinished]


def _unfinished(one: Measured) -> Reason:
    how = one.status if one.code in (None, one.status) else f"{one.status}, {one.code}"
    ko = f"{attach(one.mode, '이')} 끝나지 않아 두 방식을 견주지 않습니다({how})"
    en = f"{one.mode} did not finish ({how}), so nothing is concluded from these numbers"
    ko_why, en_why = (one.message.get(name, "") for name in ("ko", "en"))
    return Reason(f"{ko}: {ko_why}" if ko_why else ko, f"{en}: {en_why}" if en_why else en)


def _calls(comparison: Comparison, write: Step) -> Reason:
    many = comparison.multi_stage
    again = sum(step.again for step in many.steps)
    first = many.calls - again
    sections = write.calls - write.again
    beside = first - sections
    ko = " + ".join(f"{STEP_WORDS[step.name][0]} {step.calls - step.again}" for step in many.steps)
    en = " + ".join(f"{STEP_WORDS[step.name][1]} {step.calls - step.again}" for step in many.steps)
    if many.step("polish"):
        ko += f". 다듬기를 켰으므로 섹션 {sections}개에 N+{beside} = {first}번입니다."
        en += f". With polish on, {sections} sections make N+{beside} = {first} calls."
    else:
        ko += (
            f". 다듬기를 껐으므로 섹션 {sections}개에 N+{beside} = {first}번이고, "
            f"켜면 N+{beside + 1} = {first + 1}번입니다."
        )
        en += (
            f". With polish off, {sections} sections make N+{beside} = {first} calls; "
            f"polish makes it N+{beside + 1} = {first + 1}."
        )
    if again:
        ko += f" 여기에 다시 묻거나 다시 쓴 {again}번이 더해졌습니다."
        en += f" {again} more were asked or written again."
    return Reason(f"multi_stage의 호출: {ko}", f"Calls of multi_stage: {en}")


def _tokens(comparison: Comparison, compose: Step, write: Step) -> Reason:
    one, many = comparison.single_call, comparison.multi_stage
    ratio = comparison.token_ratio or 0.0
    where, shown = _where(comparison, ratio), _shown(many)
    overview = _overview(many.step("plan"), compose)
    share = _percent(write, compose)
    ko = (
        f"토큰 ×{ratio:g}: {where.ko}. single_call은 글 {one.posts}편을 한 번에 다 보아 입력이 "
        f"{compose.input_a_call:,}토큰입니다. multi_stage의 작가는 {shown.ko} 호출마다 평균 "
        f"{write.input_a_call:,}토큰({share}%)이고, 이를 {write.calls}번 합니다.{overview.ko}"
    )
    en = (
        f"Tokens ×{ratio:g}: {where.en}. single_call reads all {one.posts} posts at once: "
        f"{compose.input_a_call:,} input tokens. A writer of multi_stage reads {shown.en}: "
        f"{write.input_a_call:,} tokens a call on average ({share} %), {write.calls} times."
        f"{overview.en}"
    )
    return Reason(ko, en)


def _where(comparison: Comparison, ratio: float) -> Reason:
    least, most = comparison.expected_token_ratio
    if ratio < least:
        return Reason(
            f"기준 {least:g}~{most:g}배보다 낮습니다", f"below the expected {least:g}-{most:g}"
        )
    if ratio > most:
        again = sum(step.again for step in comparison.multi_stage.steps)
        ko_why = f" (다시 묻거나 쓴 {again}번 포함)" if again else ""
        en_why = f" ({again} asked or written again)" if again else ""
        return Reason(
            f"기준 {least:g}~{most:g}배보다 높습니다{ko_why}",
            f"above the expected {least:g}-{most:g}{en_why}",
        )
    return Reason(
        f"기준 {least:g}~{most:g}배 안에 있습니다", f"within the expected {least:g}-{most:g}"
    )


def _shown(many: Measured) -> Reason:
    if not many.posts_a_section:
        return Reason("자기 섹션의 글만 보므로", "its own posts alone")
    count = f"{many.posts_a_section:g}"
    return Reason(
        f"자기 섹션의 글만(평균 {count}편) 보므로", f"its own posts alone ({count} on average)"
    )


# The planner is the one step of multi_stage that sees every post.
def _overview(plan: Step | None, compose: Step) -> Reason:
    if plan is None:
        return Reason("", "")
    tokens, share = f"{plan.input_a_call:,}", _percent(plan, compose)
    return Reason(
        f" 글을 모두 보는 것은 기획뿐이며, 발췌로 {tokens}토큰({share}%)입니다.",
        f" Only the plan sees every post, in excerpts: {tokens} tokens ({share} %).",
    )


def _percent(step: Step, of: Step) -> int:
    return round(100 * step.input_a_call / max(of.input_a_call, 1))
