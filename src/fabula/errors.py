"""The one error tree. Every message says what was got, what was wanted and the way out.

FabulaError
├── BadInput            what a person handed in is wrong: names the field, the value, the way out
│   ├── MissingExtra    a product's optional dependency is not installed
│   ├── UnknownRun      there is no such run, or it is somebody else's
│   ├── UnknownFile     there is no such uploaded file, or it is somebody else's
│   ├── UnfitFile       an uploaded file is too large, of a wrong type, or not what it says
│   └── Conflict        what is asked does not fit how the run, or another one, stands
├── Unauthorized        the request brings no API key, or one that does not count
├── Forbidden           the request may not be made at all, whatever it asks
├── TooManyRequests     the key has used up its requests; more at `retry_after_s`
├── Rejected            an answer stayed bad; a value that is routed, raised only without a route
│   └── Blocked         the provider's filter stopped the answer; the same question stays blocked
├── GateFailed          a document broke its contract; the run fails and is never retried
├── ReplayMiss          a replay asked something that the run's ledger has no answer to
├── Stop                a reason to stop; the run keeps everything and stays resumable
│   ├── OverBudget      the next call could cost more than the budget has left
│   ├── Cancelled       someone asked the run to stop
│   ├── TimedOut        the run's own time limit passed
│   ├── KeyMissing      an agent's provider has no key
│   ├── ProviderRefused the provider says that the request itself is wrong
│   ├── ProviderDown    the provider stayed away after backoff; due again at `not_before`
│   ├── DiskFull        there is no room for a file; due again at `not_before`
│   ├── Drained         the process is going to end; the run is due at once for another one
│   └── LeaseLost       another process owns the run now; nothing more may be written
├── ServiceError        a service that was asked failed, or answered what it should not
│   └── ServiceAway     nobody answers at its address; the same may succeed in a moment
└── StoreError          the database is not one that this version can use
    └── StoreUnavailable the database does not answer now; the same may succeed in a moment
"""

from __future__ import annotations

from typing import ClassVar, Literal

StopStatus = Literal["failed", "cancelled", "timed_out", "over_budget", "queued"]


class FabulaError(Exception):
    """Base of every error that fabula raises on purpose.

    Carries the same message in English (`en`) and Korean (`ko`) and a stable `code`.
    """

    code: str = "error"

    def __init__(self, en: str, ko: str = "", *, code: str | None = None) -> None:
        super().__init__(en)
        self.en = en
        self.ko = ko or en
        if code:
            self.code = code


class BadInput(FabulaError):
    """Refuse something a person handed in; `field` is the dotted path to it."""

    code = "bad_input"

    def __init__(self, field: str, en: str, ko: str = "") -> None:
        super().__init__(f"{field}: {en}", f"{field}: {ko or en}")
        self.field = field


class MissingExtra(BadInput):
    """Name the optional dependency that a product or an adapter needs."""

    code = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        way_out = f"pip install 'fabula[{extra}]'"
        super().__init__(
            what,
            f"needs the extra `{extra}`, which is not installed: {way_out}",
            f"설치되지 않은 추가 패키지 `{extra}`: {way_out}",
        )
        self.extra = extra


class UnknownRun(BadInput):
    code = "unknown_run"

    def __init__(self, run: str) -> None:
        super().__init__(
            "run",
            f"there is no run `{run}`; `fabula runs` lists them",
            f"`{run}` 실행이 없습니다. `fabula runs`로 목록을 보세요",
        )


class Conflict(BadInput):
    """Refuse what does not fit how things stand; `run` is the run that stands in the way."""

    code = "conflict"

    def __init__(
        self, field: str, en: str, ko: str = "", *, code: str = "conflict", run: str | None = None
    ) -> None:
        super().__init__(field, en, ko)
        self.code = code
        self.run = run


class UnknownFile(BadInput):
    code = "unknown_file"

    def __init__(self, file: str, *, field: str = "file") -> None:
        super().__init__(
            field,
            f"there is no uploaded file `{file[:80]}`; POST /v1/files makes one",
            f"`{file[:80]}` 파일이 없습니다. POST /v1/files로 올리세요",
        )


class UnfitFile(BadInput):
    """Refuse an upload; the code is `file_too_large`, `file_type` or `file_content`."""

    def __init__(self, en: str, ko: str, *, code: str) -> None:
        super().__init__("file", en, ko)
        self.code = code


class Unauthorized(FabulaError):
    code = "unauthorized"


class Forbidden(FabulaError):
    code = "forbidden"


class TooManyRequests(FabulaError):
    """Say when to come again: `retry_after_s`, whole seconds."""

    code = "rate_limited"

    def __init__(self, en: str, ko: str, *, retry_after_s: int) -> None:
        super().__init__(en, ko)
        self.retry_after_s = retry_after_s


class Rejected(FabulaError):
    """Say that an agent's answer for one item stayed bad.

    It is returned as a value and routed; a node without a route for it raises it. `reason` is
    Korean, `reason_en` the same in English.
    """

    code = "rejected"

    def __init__(self, *, agent: str, item: str, reason: str, reason_en: str = "") -> None:
        super().__init__(
            f"{agent} gave no acceptable answer for `{item}`: {reason_en or reason}",
            f"{agent}: `{item}`에 쓸 수 있는 답을 내지 못했습니다: {reason}",
        )
        self.agent = agent
        self.item = item
        self.reason = reason


class Blocked(Rejected):
    """Say that a provider's filter stopped an item's answer, or its question.

    It is not asked again, and a resume grants nothing: what may help is another source or model.
    """

    code = "blocked"


class GateFailed(FabulaError):
    """Say where a document broke its contract: the path, what was got, what was wanted."""

    code = "gate_failed"

    def __init__(self, path: str, *, got: str, wanted: str) -> None:
        super().__init__(
            f"{path}: got {got}, wanted {wanted}; start a new run from this one's documents",
            f"{path}: {got}, 기대한 것은 {wanted}; 이 실행의 문서에서 새 실행을 시작하세요",
        )
        self.path = path
        self.got = got
        self.wanted = wanted


class ReplayMiss(FabulaError):
    """Say which agent's question, about which item, the replayed run never paid for."""

    code = "replay_miss"

    def __init__(self, *, run: str, agent: str, item: str, attempt: int) -> None:
        super().__init__(
            f"the ledger of `{run}` has no answer for {agent} about `{item}` (attempt {attempt}): "
            "a prompt, a schema or a rule differs from the run's, or the run ended before it; "
            "nothing was asked or paid",
            f"`{run}`의 장부에 {agent}의 `{item}` 답이 없습니다(시도 {attempt}). 프롬프트나 규칙이 "
            "그때와 다르거나 실행이 그 전에 끝났습니다. 새로 묻거나 쓴 돈은 없습니다",
        )
        self.agent = agent
        self.item = item
        self.attempt = attempt


class Stop(FabulaError):
    """End a run early, with everything kept, in the status that `status` names."""

    status: ClassVar[StopStatus] = "failed"
    code = "stopped"


class OverBudget(Stop):
    """Say what budget, in USD as it is typed, lets the refused call pass: `needed`."""

    status = "over_budget"
    code = "over_budget"

    def __init__(self, en: str, ko: str = "", *, needed: str | None = None) -> None:
        super().__init__(en, ko)
        self.needed = needed


class Cancelled(Stop):
    status = "cancelled"
    code = "cancelled"


class TimedOut(Stop):
    status = "timed_out"
    code = "timed_out"


class KeyMissing(Stop):
    code = "key_missing"


class ProviderRefused(Stop):
    code = "provider_refused"


class ProviderDown(Stop):
    """The provider stayed unreachable or overloaded; `reason` is its last answer."""

    status = "queued"
    code = "provider_down"


class DiskFull(Stop):
    """A file found no room; the run rests, as it does while its provider is down."""

    status = "queued"
    code = "disk_full"


class Drained(Stop):
    status = "queued"
    code = "drained"


class LeaseLost(Stop):
    code = "lease_lost"


class ServiceError(FabulaError):
    code = "service"


class ServiceAway(ServiceError):
    code = "service_away"


class StoreError(FabulaError):
    code = "store"


class StoreUnavailable(StoreError):
    """The database did not answer; `retry_after_s` is when to ask again.

    `in_doubt`: what was asked may have been written all the same.
    """

    code = "store_unavailable"
    retry_after_s = 2

    def __init__(self, en: str, ko: str = "", *, in_doubt: bool = False) -> None:
        super().__init__(en, ko)
        self.in_doubt = in_doubt
