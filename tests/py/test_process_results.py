# SPDX-License-Identifier: MIT
"""Functions whose result depends on the process or on the call, and functions that wait."""

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import Probe, cells

SOURCE = """\
#include <string.h>
#include <unistd.h>
/* As a library differs that an interpreter brings along. */
double last_bit(double x)
{
	char path[512] = "";
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	return n > 0 && strstr(path, "python") ? x : x + 1;
}
"""
TIME = "struct timeval {long s, us;}; int gettimeofday(struct timeval *tv, void *zone)"


@pytest.fixture
def measure(probe: Probe, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Measures a function with few rounds; its rows."""
    (tmp_path / "mine.c").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)

    def run(library: str, prototype: str, args: str, paths: str) -> Dict[str, Any]:
        quick = ["--passes", "1", "--rounds", "10", "-i", python, "-o", "run.json"]
        done = probe("run", library, prototype, "--args", args, "-p", paths, *quick)
        assert done.code == 0, done.err
        return cells(Path("run.json"))

    return run


def unchecked() -> bool:
    run = json.loads(Path("run.json").read_text())["probe"]
    said = json.dumps([cell["warnings"] for cell in run["cells"]])
    return "differs from call to call, not checked" in said


@pytest.mark.parametrize(
    "library, prototype, args, differs",
    [
        ("libc.so.6", "int getpid(void)", "", [False]),
        ("mine.c", "double last_bit(double x)", "1.5", [False]),
        ("libc.so.6", "int rand(void)", "", [True]),
        ("libc.so.6", TIME, "out, None", [True]),
        ("libc.so.6", "long time(void *t)", "None", [False, True]),
    ],
)
def test_results_of_a_process_and_of_a_call(
    measure: Any, library: str, prototype: str, args: str, differs: List[bool]
) -> None:
    for cell in measure(library, prototype, args, "ctypes,capi-fastcall").values():
        assert cell["status"] == "ok", cell["reason"]
        parts = ["+".join(p["subphases"]) for p in cell["ladder"]["parts"]]
        assert parts[0] == "call+return" and "compute" in parts
    assert unchecked() in differs


def test_a_call_that_sleeps(measure: Any) -> None:
    """Every call gives the core away; what stands around it is told all the same."""
    (cell,) = measure("libc.so.6", "int usleep(unsigned us)", "1000", "capi-fastcall").values()
    assert cell["status"] == "ok", cell["reason"]
    parts = {"+".join(p["subphases"]): p["value"]["ticks"] for p in cell["ladder"]["parts"]}
    assert parts["compute"] > 100 * parts["call+return"]
    run = json.loads(Path("run.json").read_text())["probe"]
    total_s = cell["ladder"]["total"]["ticks"] / run["counter"]["hz"]
    assert total_s > 1e-3
