"""The page about the HTTP API: each route and code is there, and what it shows to type works."""

from __future__ import annotations

import ast
import hmac
import inspect
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabula.client import Enqueued, enqueue
from fabula.runs.signing import signature
from fabula.service import create_app
from fabula.service.problems import _KOREAN, STATUS, UNFIT
from fabula.settings import Settings
from fabula.store.keys import create_key
from fabula.testing.servers import ServerMissing, free_port

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api_spec.md").read_text("utf-8")
ROUTE = re.compile(r"^\| (GET|POST|DELETE|PUT|PATCH) \| `([^`]+)` \| .+ \| (.+) \|$", re.MULTILINE)
CODE = re.compile(r"^\| `([a-z_]+)` \| (\d{3}) \| .+ \|$", re.MULTILINE)
BLOCKS = re.findall(r"<!-- run -->\n```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SAID = {"API 키": True, "없음": False}


def operations() -> Mapping[tuple[str, str], Any]:
    paths = create_app(Settings.model_construct()).openapi()["paths"]
    return {
        (method.upper(), path): operation
        for path, found in paths.items()
        for method, operation in found.items()
    }


def test_every_route_is_in_the_table_with_who_may_call_it() -> None:
    told = {(method, path): SAID[who] for method, path, who in ROUTE.findall(PAGE)}
    assert len(told) == len(ROUTE.findall(PAGE))
    true = {route: bool(made.get("security")) for route, made in operations().items()}
    assert told == true


PAGES = re.findall(r"^\| `(/[^`]*)` \| .+ \| (없음|API 키나 쿠키) \|$", PAGE, re.MULTILINE)


async def test_a_page_asks_who_looks_where_the_table_says_so() -> None:
    settings = Settings.load()
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        ) as client,
    ):
        await create_key(app.state.service.store, owner="somebody")
        assert len(PAGES) == 9
        for path, who in PAGES:
            answer = await client.get(path.replace("{run}", "x"), headers={"Accept": "text/html"})
            away = answer.is_redirect and answer.headers["location"].startswith("/login")
            assert away is (who != "없음"), path
            assert answer.status_code < 400, path


def answered_codes() -> Mapping[str, int]:
    """Return each code that a request may be answered with, and its status, from the source."""
    found = {kind.code: status for kind, status in STATUS if kind.code != "error"}
    found |= UNFIT | {code: status for status, (code, _) in _KOREAN.items()}
    by_kind = {"Conflict": 409, "Forbidden": 403}
    for file in sorted((ROOT / "src" / "fabula").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            constants = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
            named = [one.value for one in node.keywords if one.arg == "code"]
            if node.func.id in ("Refused", "problem") and len(constants) == 2:
                status, code = constants
                found[str(code)] = int(str(status))
            elif node.func.id in by_kind:
                codes = [one.value for one in named if isinstance(one, ast.Constant)]
                found |= {str(code): by_kind[node.func.id] for code in codes}
    return found


def test_every_code_is_in_the_table_with_its_status() -> None:
    told = {code: int(status) for code, status in CODE.findall(PAGE)}
    assert told == answered_codes()


def test_the_receivers_example_tells_a_true_signature_from_a_false_one() -> None:
    (block,) = re.findall(r"<!-- verify -->\n```python\n(.*?)^```$", PAGE, re.DOTALL | re.M)
    made: dict[str, Any] = {"hmac": hmac}
    exec(compile(block, "docs/api_spec.md", "exec"), made)
    secret, body, stamp = "whsec_test", b'{"status": "succeeded"}', str(int(time.time()))
    headers = {"Fabula-Timestamp": stamp, "Fabula-Signature": signature(secret, stamp, body)}
    assert made["verified"](secret, headers, body)
    assert not made["verified"](secret, headers, body + b" ")
    assert not made["verified"]("whsec_other", headers, body)
    old = str(int(stamp) - 301)
    late = {"Fabula-Timestamp": old, "Fabula-Signature": signature(secret, old, body)}
    assert not made["verified"](secret, late, body)


@contextmanager
def serving(folder: Path, port: int, *command: str) -> Iterator[str]:
    """Serve by a command until the end."""
    environment = {**os.environ, "FABULA_HOME": str(folder / "home")}
    with (folder / "log").open("wb") as log:
        served = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)
    found = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not answers(found):
            assert served.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield found
    finally:
        served.terminate()
        assert served.wait(30) == 0


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Serve with nothing but a folder."""
    port, fabula = free_port(), str(Path(sys.executable).parent / "fabula")
    with serving(tmp_path, port, fabula, "serve", "--port", str(port)) as found:
        yield found


ASKING = """
import asyncio
from fabula.service import create_app
from fabula.service.serving import serve
from fabula.settings import Settings
from tests.browser.served import CHOICE
app = create_app(Settings.load(), products={{"choice": CHOICE}})
asyncio.run(serve(app, host="127.0.0.1", port={port}))
"""


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[str]:
    """Serve a product that asks a person."""
    port = free_port()
    with serving(tmp_path, port, sys.executable, "-c", ASKING.format(port=port)) as found:
        yield found


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/v1/products").status_code == 200
    except httpx.TransportError:
        return False


def typed(script: str, folder: Path, address: str) -> str:
    """Run what is shown to type and return what it printed."""
    if shutil.which("curl") is None:
        pytest.skip(ServerMissing("curl", "curl").en)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("URL=http://127.0.0.1:8000", "")],
        cwd=folder,
        env={"PATH": path, "URL": address},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_the_page_shows_to_type_makes_an_article(address: str, tmp_path: Path) -> None:
    shown = typed("\n".join(BLOCKS), tmp_path, address)
    assert re.search(r"succeeded$", shown, re.MULTILINE)
    assert '"change":"rewrite"' in shown
    assert re.search(r"\d{8}-[0-9a-f]{10}$", shown, re.MULTILINE), "the changed run's parent"
    followed = re.findall(r"^id: (\d+)$", shown, re.MULTILINE)
    again = followed.index("4", followed.index("4") + 1)
    assert followed[:again] == [str(number) for number in range(1, again + 1)]
    assert followed[again:] == followed[3:again]
    assert "<html" in (tmp_path / "index.html").read_text("utf-8")
    assert (tmp_path / "article.zip").read_bytes().startswith(b"PK")


def test_what_the_page_shows_to_type_answers_a_question(asking: str, tmp_path: Path) -> None:
    (block,) = re.findall(r"<!-- decide -->\n```bash\n(.*?)^```$", PAGE, re.DOTALL | re.M)
    request = {"product": "choice", "brief": {"text": "가을", "count": 1}}
    run = httpx.post(f"{asking}/v1/runs", json=request).json()["run_id"]
    rest = f"{asking}/v1/runs/{run}?wait=60"
    assert httpx.get(rest, timeout=70).json()["status"] == "waiting"
    assert '"status":"queued"' in typed(f"RUN={run}\n{block}", tmp_path, asking)
    assert httpx.get(rest, timeout=70).json()["status"] == "succeeded"


def test_every_block_to_type_is_typed_by_a_test() -> None:
    blocks = re.findall(r"^(.*)\n```bash\n", PAGE, re.MULTILINE)
    assert {*blocks} == {"<!-- run -->", "<!-- decide -->"}


def test_the_other_applications_example_calls_what_there_is() -> None:
    (block,) = re.findall(r"^```python\n(from arq .*?)^```$", PAGE, re.DOTALL | re.M)
    calls = [one for one in ast.walk(ast.parse(block)) if isinstance(one, ast.Call)]
    (call,) = (one for one in calls if isinstance(one.func, ast.Name) and one.func.id == "enqueue")
    named = {str(one.arg): one.value for one in call.keywords}
    inspect.signature(enqueue).bind(*call.args, **named)
    (method,) = re.findall(r"await job\.(\w+)\(\)", block)
    assert callable(getattr(Enqueued, method))


def test_what_the_readme_shows_to_type_makes_an_article(address: str, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (block,) = re.findall(r"<!-- served -->\n```bash\n(.*?)^```$", readme, re.DOTALL | re.M)
    shown = typed(block, tmp_path, address)
    assert '\nevent: end\ndata: {"run_id":' in shown
    assert '"status":"succeeded"' in shown
    assert "<html" in (tmp_path / "index.html").read_text("utf-8")


def test_what_the_page_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", PAGE)
    assert links
    assert all((ROOT / "docs" / link).exists() for link in links)
