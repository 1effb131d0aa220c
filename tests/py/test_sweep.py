# SPDX-License-Identifier: MIT
"""Sweeps in the catalog: how they are listed and chosen, and what a broken one says."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, Optional

import pytest

from conftest import PROBE_BIN, ROOT

pytestmark = pytest.mark.skipif(not PROBE_BIN.exists(), reason="build it first: make")


def probe(*args: str, workloads: Optional[Path] = None) -> "subprocess.CompletedProcess[str]":
    env = dict(os.environ, PROBE_HOME=str(ROOT))
    if workloads:
        env["PROBE_WORKLOADS"] = str(workloads)
    return subprocess.run(
        [str(PROBE_BIN), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
        env=env,
    )


def broken(tmp_path: Path, sweep: Dict[str, Any]) -> Path:
    """A folder of one workload: a copy of args with another sweep in its third member."""
    folder = tmp_path / "mine"
    shutil.copytree(str(ROOT / "workloads" / "args"), str(folder))
    file = folder / "workload.json"
    workload = json.loads(file.read_text())
    workload["name"] = "mine"
    workload["members"][2]["sweep"] = sweep
    file.write_text(json.dumps(workload))
    return tmp_path


def test_a_sweep_is_listed_by_type() -> None:
    done = probe("list", "workloads", "--json")
    listed = {w["name"]: w for w in json.loads(done.stdout)["workloads"]}
    swept = [name for name in listed if name.startswith("args")]
    assert swept == ["args:" + kind for kind in "int double bool str bytes buffer struct".split()]
    assert listed["args:int"]["variants"] == [0, 1, 2, 4, 6]
    assert "args_int_6(int a, int b, int c, int d, int e, int f)" in listed["args:int"]["prototype"]


@pytest.mark.parametrize("name, known", [("args:in", "args:int:0"), ("arg", "did you mean args?")])
def test_an_unknown_part_names_the_known_ones(name: str, known: str) -> None:
    done = probe("run", name)
    assert done.returncode == 2
    assert known in done.stderr


@pytest.mark.parametrize("name", ["args", "args:int", "args:int:2"])
def test_a_sweep_its_types_and_its_members_can_be_named(name: str) -> None:
    done = probe("run", name, "-p", "no-such-path")
    assert done.returncode == 2
    assert "no path 'no-such-path'" in done.stderr  # the workload was found


@pytest.mark.parametrize(
    "sweep, words",
    [
        ({"type": "int"}, "needs a 'type' and a 'count'"),
        ({"type": "int", "count": -1}, "needs a 'type' and a 'count'"),
        ({"type": 1, "count": 2}, "needs a 'type' and a 'count'"),
        ({"type": "int", "count": 3}, "must be called mine:int:3"),
    ],
)
def test_a_broken_sweep_says_where(tmp_path: Path, sweep: Dict[str, Any], words: str) -> None:
    done = probe("list", "workloads", workloads=broken(tmp_path, sweep))
    assert done.returncode == 1
    assert "mine/workload.json" in done.stderr and words in done.stderr
