from __future__ import annotations

import pytest

from benchmarks.ground import Task, echo_task
from benchmarks.kill import Unbroken, unbroken


@pytest.fixture(scope="package")
def echo() -> Task:
    return echo_task(12)


@pytest.fixture(scope="package")
def whole(echo: Task, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    return unbroken(echo, tmp_path_factory.mktemp("whole") / "run")
