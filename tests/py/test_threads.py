# SPDX-License-Identifier: MIT
"""`probe run --threads`: rows beside the cells, what is refused, and what fails under threads only."""

import json
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from conftest import Probe

USAGE, SOME_FAILED = 2, 3
QUICK = ["--passes", "1", "--rounds", "30", "-q"]

# Fine in the thread that starts a process, and in no other.
SOURCE = """\
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>
int alone(int a) { if (gettid() != getpid()) abort(); return a; }
"""


def threaded(run: Path) -> Dict[Tuple[str, str, int], Dict[str, Any]]:
    rows = json.loads(run.read_text())["probe"]["threaded"]
    return {(r["path"], r["callables"], r["threads"]): r for r in rows}


@pytest.mark.parametrize("wrong", ["0", "x", "1,1", "100000", "1,", "-2", "1,2,3,4,5,6,7,8,9"])
def test_a_wrong_list_is_refused_before_anything_is_built(probe: Probe, wrong: str) -> None:
    done = probe("run", "add", "--threads", wrong)
    done.one_error(USAGE, "threads is '%s'" % wrong, "1,2,4")


def test_rows_under_threads(probe: Probe, python: str, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    done = probe(
        "run", "add", "-p", "python,ctypes,capi-fastcall", "-i", python, "--threads", "2,1",
        *QUICK, "-o", out,
    )  # fmt: skip
    assert done.code == 0, done.err
    rows = threaded(out)
    assert len(rows) == 3 * 2 * 2
    for (path, callables, threads), row in rows.items():
        assert row["status"] == "ok" and row["calls_per_s"] > 0 and row["cpus"] >= 1
        assert threads > 1 or row["scaling"] == 1
        parts = {"+".join(p["subphases"]) for p in row["phases"]}
        wanted = {"compute", "marshal_in", "marshal_out", "call+return"}
        if path == "ctypes":
            wanted |= {"detach", "attach", "invoke"}
        assert parts == (wanted if path != "python" else set())
    assert "under threads, each with its own callable" in done.out
    assert probe("show", out).out == done.out


def test_prepared_arguments_are_marked_under_threads(
    probe: Probe, python: str, tmp_path: Path
) -> None:
    options = ["-i", python, "--threads", "1", *QUICK, "-o", tmp_path / "run.json"]
    done = probe("run", "sum:1024", "-p", "ctypes,capi-fastcall", *options)
    assert done.code == 0, done.err
    table = done.out[done.out.index("under threads") :]
    assert "\n  ctypes p\n" in table and "\n  capi-fastcall\n" in table
    assert "\np        arguments (buffers" in table


def test_a_crash_under_threads_leaves_the_cell(probe: Probe, python: str, tmp_path: Path) -> None:
    source, out = tmp_path / "alone.c", tmp_path / "run.json"
    source.write_text(SOURCE)
    done = probe(
        "run", source, "int alone(int a)", "--args", "3", "-p", "ctypes", "-i", python,
        "--threads", "2", *QUICK, "-o", out,
    )  # fmt: skip
    assert done.code == SOME_FAILED, done.err
    cells = json.loads(out.read_text())["probe"]["cells"]
    assert [c["status"] for c in cells] == ["ok"]
    rows = threaded(out)
    assert {r["status"] for r in rows.values()} == {"crashed"} and len(rows) == 2
    assert all("signal 6" in r["reason"] and "alone" in r["backtrace"] for r in rows.values())
    assert sum("under threads" in line for line in done.error_lines) == 2
