"""Write deploy/.env from deploy/.env.example, with secrets made here; leave one that is there."""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).parent
BOOTSTRAP = "FABULA_BOOTSTRAP_KEY"
_EMPTY = re.compile(r"^([A-Z][A-Z0-9_]*)=$", re.MULTILINE)


def filled(example: str) -> str:
    """Return the example with a secret behind each name that has no value."""

    def made(found: re.Match[str]) -> str:
        name, secret = found[1], secrets.token_hex(32)
        return f"{name}=fab_bootstrap_{secret}" if name == BOOTSTRAP else f"{name}={secret}"

    return _EMPTY.sub(made, example)


def write(folder: Path) -> bool:
    """Write `.env` in the folder, readable by its owner alone; False where there is one."""
    text = filled((folder / ".env.example").read_text("utf-8"))
    try:
        # Never over one that is there: the database keeps the password it was made with.
        file = os.open(folder / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(text)
    return True


if __name__ == "__main__":
    if write(HERE):
        sys.stderr.write("deploy/.env를 만들었습니다 / written, with secrets of its own\n")
