"""What the pages say: statuses and events by name, amounts, times and spans, Korean first."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from fabula.store.runs import RunRow
from fabula.store.tables import NANO

KOREA_S = 9 * 3600
KOREA = timezone(timedelta(seconds=KOREA_S))
"""All times are told in it: it knows no summer time."""


class Words(NamedTuple):
    """The same in Korean and English."""

    ko: str
    en: str


STATUS = {
    "queued": Words("대기", "queued"),
    "running": Words("실행 중", "running"),
    "waiting": Words("결정 대기", "waiting"),
    "succeeded": Words("완료", "succeeded"),
    "failed": Words("실패", "failed"),
    "cancelled": Words("취소됨", "cancelled"),
    "timed_out": Words("시간 초과", "timed out"),
    "over_budget": Words("예산 초과", "over budget"),
}
"""A run's statuses."""
STATE = {
    "running": Words("진행 중", "at work"),
    "waiting": Words("답을 기다림", "waits"),
    "stopped": Words("멈춤", "stopped"),
    "done": Words("마침", "done"),
    "failed": Words("실패", "failed"),
    "placeholder": Words("자리만 남김", "placeholder"),
    "noted": Words("기록", "noted"),
}
"""How one step or item of a run stands."""
EVENT = {
    "run.queued": Words("줄에 섬", "queued"),
    "run.estimate": Words("예상", "estimate"),
    "run.models": Words("모델", "models"),
    "run.page": Words("공개 주소", "page address"),
    "run.started": Words("시작", "started"),
    "run.resumed": Words("이어서 실행", "resumed"),
    "run.decided": Words("결정", "decided"),
    "run.part": Words("부분 마침", "part done"),
    "run.waiting": Words("결정을 기다림", "waits"),
    "run.succeeded": Words("완료", "succeeded"),
    "run.failed": Words("실패", "failed"),
    "run.cancelled": Words("취소됨", "cancelled"),
    "run.timed_out": Words("시간 초과", "timed out"),
    "run.over_budget": Words("예산 초과", "over budget"),
    "step.started": Words("시작", "started"),
    "step.finished": Words("마침", "finished"),
    "step.failed": Words("실패", "failed"),
    "cost": Words("호출 비용", "call paid"),
    "artifact": Words("파일", "file"),
    "published": Words("결과 폴더에 놓음", "published"),
    "kept": Words("이어받음", "kept"),
    "placeholder": Words("자리만 남김", "placeholder"),
    "rewrite": Words("다시 씀", "written again"),
    "fault": Words("규칙에 어긋남", "rule broken"),
    "provider_away": Words("응답 없음", "provider away"),
    "model_switched": Words("모델을 바꿈", "model switched"),
    "template_fallback": Words("기본 틀로 바꿈", "template fallback"),
    "source_refused": Words("쓰지 못한 글", "source refused"),
    "picture_refused": Words("쓰지 못한 그림", "picture refused"),
    "link_refused": Words("쓰지 못한 주소", "link refused"),
    "date_refused": Words("쓰지 못한 날짜", "date refused"),
    "front_matter_repaired": Words("고쳐 읽은 앞머리", "front matter repaired"),
    "feed_repaired": Words("고쳐 읽은 피드", "feed repaired"),
    "id_changed": Words("바꾼 id", "id changed"),
    "source_excerpted": Words("골라 쓴 긴 글", "post excerpted"),
    "source_decoded": Words("다른 인코딩", "other encoding"),
    "passed_over": Words("지나간 파일", "passed over"),
    "section_type_changed": Words("섹션 종류를 바꿈", "section type changed"),
    "featured_added": Words("꼭 다룰 글을 더함", "featured post added"),
    "polish_refused": Words("되돌린 다듬기", "polish refused"),
    "rewrite_refused": Words(
        "되돌린 다시 쓰기, 앞의 글이 남음", "rewrite refused, the old text stays"
    ),
}
"""Events by type; a node's own fact that is not here is called by its type."""

DOLLARS, CENTS, MICROS = 1000 * NANO, NANO, 1000
ACTIVE = ("queued", "running", "waiting")
MINUTE, HOUR, DAY = 60, 3600, 86_400
KIB = 1024


def between_parts(row: RunRow) -> bool:
    """Say whether a run that has done some parts only waits for the turn of its next."""
    return bool(row.status == "queued" and row.part > 1 and row.not_before is None)


def usd(nano: float) -> str:
    """Write nano-USD with as many digits as tell calls apart."""
    if not nano:
        return "$0"
    digits = 2 if nano >= DOLLARS else 4 if nano >= CENTS else 6 if nano >= MICROS else 9
    return f"${nano / NANO:,.{digits}f}"


def exact(nano: int) -> str:
    """Write nano-USD to the last digit, for programs."""
    return f"{nano // NANO}.{nano % NANO:09d}"


def span(seconds: float) -> str:
    """Write how long something took or takes, in two units at most."""
    if seconds < MINUTE:
        return f"{seconds:.1f}초" if seconds < 10 else f"{seconds:.0f}초"  # noqa: PLR2004
    whole = math.floor(seconds)
    if whole < HOUR:
        return f"{whole // MINUTE}분 {whole % MINUTE}초"
    if whole < DAY:
        return f"{whole // HOUR}시간 {whole % HOUR // MINUTE}분"
    return f"{whole // DAY}일 {whole % DAY // HOUR}시간"


def size(of_bytes: int) -> str:
    """Write a file's size."""
    if of_bytes < KIB:
        return f"{of_bytes} B"
    if of_bytes < KIB * KIB:
        return f"{of_bytes / KIB:.0f} KiB"
    return f"{of_bytes / KIB / KIB:.1f} MiB"


def clock(at: float) -> str:
    """Write the time of day."""
    return f"{datetime.fromtimestamp(at, KOREA):%H:%M:%S}"


def day_and_time(at: float) -> str:
    """Write day and time to the minute."""
    return f"{datetime.fromtimestamp(at, KOREA):%Y-%m-%d %H:%M}"


def iso(at: float) -> str:
    """Write the moment for programs."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
