# SPDX-License-Identifier: MIT
"""ctypes and cffi: every type and role, and every workload's own Python against its kernel."""

import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from building import Build
from conftest import ROOT
from test_bindings import interpreters

PATHS = ["ctypes", "ctypes-untyped", "cffi-abi", "cffi-api"]
# What must have been called through all of them; the rest is the checker's to know.
CALLED = ["echo_bool", "echo_size_t", "echo_double", "dot", "text_bytes", "midpoint", "mix"]
CALLED += ["norm2", "split", "apply", "fold", "is_null", "buffers", "strlen:bytes", "callback"]


def check(executable: str, cache: Path, folder: Path) -> Dict[str, str]:
    """The checker's lines by "path/case", from an environment with cffi and NumPy."""
    # The workload of NumPy arrays, for NumPy's sake.
    built = Build(executable, cache / "probe")(["cffi-abi"], ["dot"])
    assert "cffi" in built.answer["packages"], built.said
    checker = str(ROOT / "tests" / "py" / "check_runtime_bindings.py")
    done = subprocess.run(
        [built.answer["python"], checker, str(ROOT), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines: List[List[str]] = [line.split(" ", 1) for line in done.stdout.splitlines()]
    said = {line[0]: line[1] for line in lines if len(line) == 2}
    for path in PATHS:
        for name in CALLED:
            assert said["%s/%s" % (path, name)] == "called"
        if "numpy" in built.answer["packages"]:
            assert said[path + "/dot_numpy"] == "called"
    return said


def test_default_interpreter(python: str, cache: Path, tmp_path: Path) -> None:
    said = check(python, cache, tmp_path)
    assert said["ctypes/text"] == "called"
    for path in PATHS[1:]:
        assert said[path + "/text"].startswith("refused: ")
        assert "bytes" in said[path + "/text"]
    assert said["cffi-api/multiply"] == "called"
    assert said["cffi-abi/multiply"].startswith("refused: cffi passes complex numbers in API mode")
    for option in ("ctypes+gil", "ctypes-untyped+gil"):
        assert said[option + "/apply"] == "called"


@pytest.mark.slow
@pytest.mark.parametrize("executable", interpreters())
def test_every_interpreter(executable: Any, cache: Path, tmp_path: Path) -> None:
    check(executable, cache, tmp_path)
