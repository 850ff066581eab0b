"""A few hundred requests made from the OpenAPI; `make fuzz-service` makes thousands."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz import fuzzed
from benchmarks.hosting import hosted

OPERATIONS = (
    "GET /v1/runs",
    "GET /v1/runs/{run}",
    "GET /v1/runs/{run}/events",
    "POST /v1/runs/{run}/decide",
    "POST /v1/runs/{run}/resume",
    "GET /v1/files",
    "GET /v1/files/{file}",
    "GET /v1/runs/{run}/artifacts/{name}",
)


def test_no_request_made_from_the_openapi_finds_a_fault(tmp_path: Path) -> None:
    with hosted(tmp_path / "host", hasty=True, batch_slots=0, interactive_slots=0) as host:
        found = fuzzed(
            host, tmp_path, examples=5, phases=("coverage", "fuzzing"), operations=OPERATIONS
        )
        assert "request failed" not in host.log()
    assert found.failures == []
    assert found.errors == []
    assert found.server_errors == found.statuses[0] == 0
    assert found.cases >= 250
    assert found.statuses[200] > 5
    assert found.statuses[401] > 5
    assert found.checks["response_schema_conformance"] > 100
