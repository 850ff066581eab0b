"""How long a user waits for `import fabula` and `fabula --help`, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

PROGRAM = "import sys; from fabula.cli import main; sys.argv = ['fabula', '--help']; main()"


def import_seconds(times: int = 7) -> float:
    """Return the median wall time of `python -c "import fabula"`, the interpreter included."""
    return _median([sys.executable, "-c", "import fabula"], times)


def help_seconds(times: int = 7) -> float:
    """Return the median wall time of `fabula --help`."""
    return _median([sys.executable, "-c", PROGRAM], times)


def _median(command: Sequence[str], times: int) -> float:
    took = []
    for number in range(times + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own command
        if number:  # the first fills the disk's cache and compiles
            took.append(time.perf_counter() - began)
    return median(took)
