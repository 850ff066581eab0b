"""Send a service what its OpenAPI allows, and what it does not: `python -m benchmarks.fuzz`.

schemathesis makes the requests from a seed: the schema's examples, its boundaries, random ones, and
sequences that follow what earlier answers named. Prints a table, writes `reports/fuzz-service.json`
and exits 1 where a check failed.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from jsonschema_rs import Draft202012Validator
from rich.console import Console
from rich.table import Table

from benchmarks.ground import ROOT, WorkerFailed
from benchmarks.hosting import HEADERS, Host, hosted

SEED = 1
LEAST_CASES = 3000
EXAMPLES = 100
CONFIG = """
# Its own list has neither: a body of another kind, one that is too large, one that stops coming.
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 422]

# Every file that it uploads is called `file`, a name whose type nobody can tell.
[[operations]]
include-name = "POST /v1/files"
checks.positive_data_acceptance.enabled = false
"""
MIXED = "it fits no schema: the generator put the parts of two examples together"
RULES = {
    "there is material": (r"sources", r"no post can be used"),
    "no path of the server": (r"brief\.", r"may name no path"),
    "an address is a public one": (r"brief\.|webhook", r"address|host|port|scheme|public"),
    "a profile is one of the map's": (r"profile$", r"wanted one of"),
    "a model has a price": (r"prices\.yaml", r"has no price"),
    "a product has a forecast": (r"product$", r"has no forecast"),
    "posts are told apart, and chosen among": (r"brief\.(posts|featured)|posts|featured", r""),
    "whole numbers have no point": (r".*", r"valid integer; got -?\d+(\.\d+)?(e\+?\d+)?"),
    "no text holds U+0000": (r".*", r"U\+0000"),
    "an answer is to a question": (r"answer|ask", r"question|wanted"),
}
"""What a request must keep to that JSON Schema cannot say, by the refusal's field and words."""


@dataclass
class Found:
    """What came of the requests; `spec` is the OpenAPI that they were made from."""

    spec: dict[str, Any]
    cases: int = 0
    requests: int = 0
    """More than the cases: each that was let in is sent again without its key."""
    statuses: Counter[int] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    ruled: Counter[str] = field(default_factory=Counter)
    shown: dict[str, str] = field(default_factory=dict)
    """A refusal by each rule, as it was told."""
    errors: list[str] = field(default_factory=list)

    def count(self, event: dict[str, Any]) -> None:
        """Count one event of the report."""
        if "NonFatalError" in event:
            told = event["NonFatalError"]
            self.errors.append(f"{told.get('label')}: {str(told.get('info'))[:300]}")
        recorder = event.get("ScenarioFinished", {}).get("recorder", {})
        exchanged = recorder.get("interactions", {})
        self.requests += len(exchanged)
        self.cases += len(recorder.get("checks", {}))
        for one in exchanged.values():
            self.statuses[one["response"]["status_code"] if one.get("response") else 0] += 1
        for case, checks in recorder.get("checks", {}).items():
            for check in checks:
                self.checks[check["name"]] += 1
                if check["status"] == "failure":
                    made = recorder["cases"][case]["value"]
                    self._fail(check, made, exchanged.get(case, {}))

    def _fail(self, check: dict[str, Any], made: dict[str, Any], exchange: dict[str, Any]) -> None:
        answer = _answer(exchange)
        told = answer.get("problem", {})
        rule = None
        if check["name"] == "positive_data_acceptance":
            rule = _rule(told) if self._conforms(made) else MIXED
        if rule:
            self.ruled[rule] += 1
            self.shown.setdefault(f"{rule}: {told.get('field')}", told["detail"][:200])
            return
        words = check["failure_info"]["failure"]["message"]
        asked = exchange.get("request", {})
        self.failures.append(
            {
                "check": check["name"],
                "words": words,
                "request": f"{asked.get('method')} {asked.get('uri')}",
                "body": _plain(asked.get("body"))[:2000],
                **answer,
            }
        )

    def _conforms(self, made: dict[str, Any]) -> bool:
        operation = self.spec["paths"][made["path"]][made["method"].lower()]
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        whole = {**schema, "components": self.spec["components"]}
        return bool(Draft202012Validator(whole).is_valid(made.get("body", {})))

    @property
    def server_errors(self) -> int:
        return sum(number for status, number in self.statuses.items() if status >= 500)  # noqa: PLR2004

    def report(self, seed: int) -> dict[str, Any]:
        """Return it as plain JSON."""
        failed = Counter(one["check"] for one in self.failures)
        return {
            "seed": seed,
            "cases": self.cases,
            "requests": self.requests,
            "server_errors": self.server_errors,
            "unanswered": self.statuses[0],
            "undocumented": failed["status_code_conformance"],
            "statuses": {str(key): value for key, value in sorted(self.statuses.items())},
            "checks": {
                name: {"made": number, "failed": failed[name]}
                for name, number in sorted(self.checks.items())
            },
            "refused_by_a_rule": dict(sorted(self.ruled.items())),
            "rules_shown": dict(sorted(self.shown.items())[:40]),
            "failures": self.failures[:100],
            "errors": self.errors,
            "holds": self.holds,
        }

    @property
    def holds(self) -> bool:
        clean = not (self.failures or self.errors or self.server_errors or self.statuses[0])
        return self.cases > 0 and clean


def _plain(body: Any) -> str:
    raw = body.get("$base64", "") if isinstance(body, dict) else ""
    return base64.b64decode(raw).decode("utf-8", "replace")


def _answer(exchange: dict[str, Any]) -> dict[str, Any]:
    response = exchange.get("response") or {}
    text = _plain(response.get("content"))
    try:
        problem = json.loads(text)
    except ValueError:
        problem = {"text": text[:500]}
    shown = problem if isinstance(problem, dict) else {"text": text[:500]}
    return {"status": response.get("status_code"), "problem": shown}


def _rule(told: dict[str, Any]) -> str | None:
    at, words = str(told.get("field") or ""), str(told.get("detail") or "")
    if told.get("status") not in (400, 422):
        return None
    for name, (where, said) in RULES.items():
        if re.match(where, at) and re.search(said, words):
            return name
    return None


def fuzzed(
    host: Host,
    folder: Path,
    *,
    seed: int = SEED,
    examples: int = EXAMPLES,
    phases: Sequence[str] = ("examples", "coverage", "fuzzing", "stateful"),
    operations: Sequence[str] = (),
) -> Found:
    """Send a host requests made from its own OpenAPI; `operations` are names such as `GET /x`."""
    schema, report = folder / "openapi.json", folder / "events.ndjson"
    spec = _schema(host)
    schema.write_text(json.dumps(spec), "utf-8")
    (folder / "schemathesis.toml").write_text(CONFIG, "utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(folder / "schemathesis.toml")),
        *("run", str(schema), "--url", host.url, "--checks", "all"),
        *("--phases", ",".join(phases), "--max-examples", str(examples), "--seed", str(seed)),
        *("--no-shrink", "--continue-on-failure", "--request-timeout", "30"),
        *("--suppress-health-check", "all", "--generation-database", "none", "--no-color"),
        *("--report", "ndjson", "--report-ndjson-path", str(report)),
        *(part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")),
        *(part for name in operations for part in ("--include-name", name)),
    ]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
    )
    if not report.exists():
        raise WorkerFailed(f"schemathesis ended with {done.returncode}: {done.stdout[-2000:]}")
    found = Found(spec)
    for event in _events(report):
        found.count(event)
    return found


def _schema(host: Host) -> dict[str, Any]:
    """Return the host's OpenAPI with one way to show the key: it reads "or" as "and"."""
    found: dict[str, Any] = httpx.get(f"{host.url}/openapi.json", timeout=30).json()
    for path in found["paths"].values():
        for operation in path.values():
            if "security" in operation:
                operation["security"] = [{"HTTPBearer": []}]
    found["components"]["securitySchemes"].pop("APIKeyHeader", None)
    return found


def _events(report: Path) -> Iterator[dict[str, Any]]:
    with report.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def main(argv: Sequence[str] | None = None) -> int:
    """Send the requests, print, write the report; 1 where a check failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="for each operation")
    parser.add_argument("--database", default=None, help="a PostgreSQL URL; else SQLite")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "fuzz-service.json")
    given = parser.parse_args(argv)
    load = os.getloadavg()[0]
    database = {"database_url": given.database} if given.database else {}
    with (
        tempfile.TemporaryDirectory(prefix="fabula-fuzz-") as name,
        hosted(
            Path(name) / "host", hasty=True, batch_slots=1, interactive_slots=1, **database
        ) as host,
    ):
        found = fuzzed(host, Path(name), seed=given.seed, examples=given.examples)
        bugs = host.log().count("request failed")
    fine = found.holds and not bugs and found.cases >= LEAST_CASES
    report = {**found.report(given.seed), "logged_bugs": bugs, "holds": fine, "load": load}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", "utf-8")
    console = Console()
    console.print(_table(report))
    for one in found.failures[:20]:
        console.print(one["check"], one["request"], str(one["problem"])[:200], markup=False)
    console.print(*found.errors, sep="\n", markup=False)
    if found.cases < LEAST_CASES:
        console.print(f"MISSED: {found.cases} cases, at least {LEAST_CASES} are asked for")
    if bugs:
        console.print(f"MISSED: the service has logged {bugs} failed requests")
    return 0 if fine else 1


def _table(report: dict[str, Any]) -> Table:
    table = Table("check", "made", "failed")
    for name, sums in report["checks"].items():
        table.add_row(name, str(sums["made"]), str(sums["failed"]))
    table.add_row("cases", str(report["cases"]), "")
    table.add_row("server errors", "", str(report["server_errors"]))
    return table


if __name__ == "__main__":
    sys.exit(main())
