# SPDX-License-Identifier: MIT
"""Running check_bound.py in some interpreter, for the tests of the bindings that it knows."""

import functools
import re
import subprocess
from pathlib import Path
from typing import Dict, Tuple

from conftest import ROOT

_CHECKER = ROOT / "tests" / "py" / "check_bound.py"


def folder(executable: str, cache: Path) -> Path:
    """Where the modules of that interpreter are kept."""
    made = cache / "bound" / re.sub(r"\W", "_", executable)
    made.mkdir(parents=True, exist_ok=True)
    return made


def check(executable: str, cache: Path, path: str, *functions: str) -> Dict[str, str]:
    """What is said of each function: "ok", or why it can't be expressed."""
    done = subprocess.run(
        [executable, str(_CHECKER), str(ROOT), str(folder(executable, cache)), path, *functions],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert said and set(said) >= set(functions)
    return said


def refused(said: Dict[str, str]) -> Dict[str, str]:
    return {name: what for name, what in said.items() if what != "ok"}


@functools.lru_cache(maxsize=None)
def _ask(executable: str, expression: str) -> str:
    code = "import sys, sysconfig; print(%s)" % expression
    return subprocess.check_output([executable, "-c", code], text=True).strip()


def version(executable: str) -> Tuple[int, ...]:
    return tuple(int(n) for n in _ask(executable, "'%d %d' % sys.version_info[:2]").split())


def free_threaded(executable: str) -> bool:
    return _ask(executable, "sysconfig.get_config_var('Py_GIL_DISABLED')") == "1"
