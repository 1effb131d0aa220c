# SPDX-License-Identifier: MIT
"""Test suites that others wrote end within watch() as they end without it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

STDLIB = ("functools", "collections", "itertools", "operator", "math", "zlib", "_ctypes", "time")
SUITES = {
    "test.test_ctypes": STDLIB,
    "test.test_functools": STDLIB,
    "test.test_dict": STDLIB,
    "test.test_set": STDLIB,
    "test.test_inspect": STDLIB,
    "numpy._core.tests": ("numpy",),
}
RUNNER = str(Path(__file__).with_name("under_watch.py"))


def place(suite: str) -> str:
    """The suite as the runner takes it; '' where it is not installed."""
    try:
        spec = importlib.util.find_spec(suite)
    except ImportError:
        return ""
    if spec is None:
        return ""
    if not suite.startswith("numpy"):
        return suite
    return next(iter(spec.submodule_search_locations or ()), "")  # it has no __init__.py


def outcomes(suite: str, folder: Path, *modules: str) -> Tuple[Dict[str, str], int]:
    output = folder / ("watched.json" if modules else "bare.json")
    # Hashes as always, so that tests whose names hold a set's order are the same ones.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, RUNNER, suite, str(output), *modules],
        cwd=str(folder),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-4000:]
    found = json.loads(output.read_text())
    return found["outcomes"], found["calls"]


def differences(one: Dict[str, str], other: Dict[str, str]) -> Dict[str, Any]:
    return {
        name: (one.get(name), other.get(name))
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    }


@pytest.mark.slow
@pytest.mark.parametrize("suite", sorted(SUITES))
def test_others_tests_end_as_without(suite: str, tmp_path: Path) -> None:
    where = place(suite)
    if not where:
        pytest.skip("%s is not installed" % suite)
    if suite.startswith("numpy"):
        pytest.importorskip("hypothesis")
    bare, _ = outcomes(where, tmp_path)
    watched, calls = outcomes(where, tmp_path, *SUITES[suite])
    differ = differences(bare, watched)
    if differ:  # some tests are left to chance: what differs has to do so again
        again = differences(outcomes(where, tmp_path)[0], outcomes(where, tmp_path, *SUITES[suite])[0])
        differ = {name: how for name, how in differ.items() if name in again}
    counts = {how: list(bare.values()).count(how) for how in ("passed", "failed", "skipped")}
    print("%s: %s without, %d differ within; %d calls" % (suite, counts, len(differ), calls))
    assert bare and not differ
