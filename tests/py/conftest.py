# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: the command, an interpreter to measure, and a cache."""

import json
import os
import signal
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

# Where these tests run in the background, SIGINT may be ignored, and would be for what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[2]
PROBE_BIN = (ROOT / os.environ.get("PROBE_BIN", "build/probe")).resolve()
FAKE_HOME = ROOT / "tests" / "fakehome"


class Done:
    """What a run of the command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def error_lines(self) -> List[str]:
        return self.err.splitlines()

    def one_error(self, code: int, *words: str) -> str:
        """The exit code and exactly one line on stderr that holds the words; returns it."""
        assert self.code == code, (self.code, self.err)
        assert len(self.error_lines) == 1, self.err
        line = self.error_lines[0]
        assert line.startswith("probe: "), line
        for word in words:
            assert word in line, (word, line)
        return line


class Probe:
    """Runs the command with an environment that the user's own can't disturb."""

    def __init__(self, cache: Path) -> None:
        self.env: Dict[str, str] = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PROBE_", "PYTHON", "PIP_", "NO_COLOR", "CLICOLOR"))
        }
        self.env.update(XDG_CACHE_HOME=str(cache), TERM="dumb", LC_ALL="C.UTF-8")

    def popen(self, *args: Any, **env: Optional[str]) -> "subprocess.Popen[str]":
        whole = {**self.env, **{k: v for k, v in env.items() if v is not None}}
        for key, value in env.items():
            if value is None:
                whole.pop(key, None)
        return subprocess.Popen(
            [str(PROBE_BIN), *(str(a) for a in args)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=whole,
            text=True,
        )

    def __call__(self, *args: Any, timeout_s: float = 300, **env: Optional[str]) -> Done:
        process = self.popen(*args, **env)
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return Done(process.returncode, out, err)


@pytest.fixture(scope="session")
def cache() -> Path:
    """Kept between test runs beside the command, so that bindings are built once."""
    folder = PROBE_BIN.parent / "test-cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def probe(cache: Path) -> Probe:
    assert PROBE_BIN.exists(), "build it first: make"
    return Probe(cache)


@pytest.fixture
def fake(probe: Probe, tmp_path: Path) -> Probe:
    """The command on drivers that make samples up: for what is no matter of real measuring."""
    probe.env.update(PROBE_HOME=str(FAKE_HOME), XDG_CACHE_HOME=str(tmp_path / "cache"))
    return probe


@pytest.fixture(scope="session")
def python() -> str:
    """An interpreter with headers: $PROBE_TEST_PYTHON, else the one that runs the tests, else
    the first python3 on PATH."""
    asked = os.environ.get("PROBE_TEST_PYTHON")
    if asked:
        return asked
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if header.exists() and sys.implementation.name == "cpython":
        return os.path.realpath(sys.executable)
    found = shutil.which("python3")
    if not found:
        pytest.skip("there is no python3 with headers: set PROBE_TEST_PYTHON")
    return found


def cells(run_file: Path) -> Dict[str, Dict[str, Any]]:
    """The cells of a run file by "workload/path"."""
    run = json.loads(run_file.read_text(encoding="utf-8"))["probe"]
    return {"%s/%s" % (c["workload"], c["path"]): c for c in run["cells"]}
