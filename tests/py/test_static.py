# SPDX-License-Identifier: MIT
"""Interpreters with their extension modules inside the program, as uv installs them: what is left
to reach is measured, the rest is one merged figure with its reason."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import ROOT, Probe, cells

QUICK = ("--fast", "--passes", "1", "-q")
MIDDLE = ["marshal_in", "detach", "invoke", "attach", "marshal_out"]
MERGED = [["call", "return"], MIDDLE, ["compute"]]


def parts_of(cell: Dict[str, Any], engine: str = "ladder") -> List[List[str]]:
    assert cell["status"] == "ok", cell["reason"]
    return [part["subphases"] for part in cell[engine]["parts"]]


def why(module: str) -> str:
    return (
        "detach, invoke and attach can't be told apart: %s is built into the interpreter" % module
    )


def check_merged(cell: Dict[str, Any], module: str) -> None:
    assert cell["warnings"].count(why(module)) == 1, cell["warnings"]
    assert parts_of(cell) == MERGED
    ladder = cell["ladder"]
    ticks = [part["value"]["ticks"] for part in ladder["parts"]]
    # Nothing is lost, and nothing guessed: the three make up the call, the merged one is most of it.
    assert abs(sum(ticks) / ladder["total"]["ticks"] - 1) < 0.1
    assert ticks[1] > ticks[0] > 0
    folded = [part["subphases"] for part in ladder["folded"]]
    assert folded == [["call"] + MIDDLE + ["return"], ["compute"]]


def test_a_module_inside_the_program(probe: Probe, python: str, tmp_path: Path) -> None:
    """ctypes, told to look for its seams in a module that every CPython has built in."""
    real = ROOT / "workloads" / "bindings" / "ctypes"
    folder = tmp_path / "bindings" / "static-ctypes"
    shutil.copytree(str(real), str(folder))
    path = json.loads((folder / "path.json").read_text().replace('"_ctypes"', '"posix"'))
    path["name"] = "static-ctypes"
    (folder / "path.json").write_text(json.dumps(path))
    probe.env["PROBE_BINDINGS"] = str(tmp_path / "bindings")
    # A binding's generators lie beside its folder.
    for shared in real.parent.glob("_*.py"):
        shutil.copy(str(shared), str(folder.parent))
    out = tmp_path / "run.json"
    done = probe("run", "add", "-p", "ctypes,static-ctypes", "-i", python, *QUICK, "-o", out)
    assert done.code == 0, done.err
    found = cells(out)
    check_merged(found["add/static-ctypes"], "posix")
    assert not found["add/ctypes"]["warnings"] and len(parts_of(found["add/ctypes"])) >= 4
    (row,) = [line for line in done.out.splitlines() if line.startswith("  static-ctypes ")]
    assert "|--" in row and "can't be told apart: posix" in " ".join(done.out.split())


@pytest.mark.slow
def test_a_standalone_build(probe: Probe, tmp_path: Path) -> None:
    """What uv installs, where it is installed: a stripped program with _ctypes inside."""
    listed = probe("list", "interpreters", "--json", "-i", "cpython").out
    inside = "import sys, _ctypes; sys.exit('_ctypes' not in sys.builtin_module_names)"
    found = [
        p
        for p in json.loads(listed)["interpreters"]
        if p["static_libpython"]
        and p["headers"]
        and subprocess.run([p["executable"], "-c", inside]).returncode == 0
    ]
    if not found:
        pytest.skip("no interpreter here has _ctypes inside its program")
    for p in found:
        out = tmp_path / "run.json"
        paths = "python,ctypes,cffi-abi,cffi-api,capi-fastcall"
        done = probe("run", "add", "-p", paths, "-i", p["executable"], *QUICK, "-o", out)
        assert done.code == 0, done.err
        rows = cells(out)
        check_merged(rows["add/ctypes"], "_ctypes")
        # An extension of its own calls through its own table, static interpreter or not.
        assert ["detach", "attach"] in parts_of(rows["add/cffi-api"])
        assert ["invoke"] in parts_of(rows["add/cffi-abi"])
        assert not rows["add/capi-fastcall"]["warnings"]
        eight = probe("run", "add", "-p", "ctypes", "-i", p["executable"], "--phases", "8", *QUICK)
        assert eight.code == 0 and "can't be told apart: _ctypes" in " ".join(eight.out.split())
