"""Execute runs: rows, leases, events, budgets, resume, changes, decisions, archives, replays."""

from fabula.runs.planning import ChangePlan
from fabula.runs.records.carrying import Replayed
from fabula.runs.result import RunResult
from fabula.runs.runner import Runner, new_run_id, resume, run

__all__ = ["ChangePlan", "Replayed", "RunResult", "Runner", "new_run_id", "resume", "run"]
