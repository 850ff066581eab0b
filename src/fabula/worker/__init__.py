"""The process that executes runs: woken by a bell through Redis, at work without it too."""

from fabula.worker.work import Worker, work_until

__all__ = ["Worker", "work_until"]
