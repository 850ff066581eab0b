"""Execute runs: rows, leases, events, budgets, resume."""

from fabula.runs.result import RunResult
from fabula.runs.runner import Runner, new_run_id, resume, run

__all__ = ["RunResult", "Runner", "new_run_id", "resume", "run"]
