"""Run the command line in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from fabula.cli import main


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the one JSON value on stdout; an error when there is more than one line."""
        (line,) = self.out.splitlines()
        return json.loads(line)


Fabula = Callable[..., Done]


@pytest.fixture
def fabula(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fabula:
    def call(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["fabula", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Done(code, out, err)

    return call
