# SPDX-License-Identifier: MIT
"""The Makefile: tests start from a clean environment, and warnings are errors on request only."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPOILED = {
    "PYTHONPATH": "/nowhere",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PIP_USER": "1",
    "PIP_INDEX_URL": "http://pypi.example.com/simple",
    "PROBE_CACHE": "/nowhere",
    "PROBE_REQUIRE": "hw",
    "PYTEST_ADDOPTS": "--frob",
    "NO_COLOR": "1",
    "COLUMNS": "20",
    "PYTHON": "/usr/bin/python3",
}
KEPT = {"PIP_INDEX_URL", "PROBE_REQUIRE", "PYTHON"}


def make(*args: str, **env: str) -> str:
    without = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "WERROR")}
    done = subprocess.run(
        ["make", "--no-print-directory", *args],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env={**without, **env},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_tests_start_from_a_clean_environment() -> None:
    print_it = ("-s", "--eval=test-nothing: ; @env")
    seen = {line.split("=")[0] for line in make(*print_it, "test-nothing", **SPOILED).splitlines()}
    assert seen & set(SPOILED) == KEPT
    # Nothing else is cleaned: what a user sets holds for `make run`.
    print_it = ("-s", "--eval=nothing: ; @env")
    seen = {line.split("=")[0] for line in make(*print_it, "nothing", **SPOILED).splitlines()}
    assert set(SPOILED) <= seen


def test_warnings_are_errors_on_request_only() -> None:
    object_file = "build/libprobe/src/base/buf.c.o"
    assert "-Werror" not in make("-n", "-B", object_file)
    assert "-Werror" in make("-n", "-B", "WERROR=1", object_file)
    assert "WERROR=1" in make("-n", "check")
    assert "WERROR=1" in (ROOT / ".ci" / "run").read_text()
