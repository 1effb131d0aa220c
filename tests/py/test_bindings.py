# SPDX-License-Identifier: MIT
"""Every generator on every interpreter at hand: results, refusals, references, second builds."""

import json
import subprocess
from pathlib import Path
from typing import Any, List

import pytest

from building import PATHS, WORKLOADS, Build
from conftest import PROBE_BIN, ROOT


def interpreters() -> List[Any]:
    """What `probe list interpreters` finds; nothing while there is no command."""
    if not PROBE_BIN.exists():
        return [pytest.param(None, marks=pytest.mark.skip("build it first: make"))]
    done = subprocess.run(
        [str(PROBE_BIN), "list", "interpreters", "--json"], stdout=subprocess.PIPE, check=True
    )
    found = json.loads(done.stdout)["interpreters"]
    return [
        pytest.param(
            p["executable"],
            id=p["label"],
            marks=[pytest.mark.skip(p["missing"])] if p["missing"] else [],
        )
        for p in found
    ]


def oldest_and_newest() -> List[Any]:
    """All interpreters, those in between with the slow tests."""
    found = interpreters()
    for between in [p for p in found if not p.marks][1:-1]:
        between.marks.append(pytest.mark.slow)
    return found


# cffi's ABI mode and ctypes need no building; METH_O takes one argument.
CALLED = {
    "%s/%s" % (workload, path)
    for workload in WORKLOADS
    for path in PATHS
    if path != "python" and (path != "capi-o" or workload == "fib")
}


@pytest.mark.parametrize("executable", oldest_and_newest())
def test_all_bindings(executable: str, cache: Path, tmp_path: Path) -> None:
    build = Build(executable, cache / "probe")
    built = build(PATHS)
    wrong = {
        "%s/%s" % (w, p): b["error"]
        for p, by_workload in built.answer["bindings"].items()
        for w, b in by_workload.items()
        if "error" in b and "applies to functions of" not in b["error"]
    }
    assert not wrong
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps(built.answer), encoding="utf-8")
    checker = str(ROOT / "tests" / "py" / "check_bindings.py")
    done = subprocess.run(
        [built.answer["python"], checker, str(ROOT), str(answer)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == CALLED

    again = build(PATHS)
    assert not again.steps
    assert again.answer == built.answer
