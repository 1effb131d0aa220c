# SPDX-License-Identifier: MIT
"""Call paths as tables: one from outside the tree, chosen options, functions without a seam."""

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from conftest import ROOT, Probe, cells

TOY = ROOT / "tests" / "py" / "toy"
QUICK = ("--fast", "--passes", "1", "-q")


def parts_of(cell: Dict[str, Any]) -> Dict[str, float]:
    assert cell["status"] == "ok", cell["reason"]
    parts = cell["ladder"]["parts"]
    return {"+".join(p["subphases"]): p["value"]["ticks"] for p in parts}


def test_a_binding_from_outside_the_tree(probe: Probe, python: str, tmp_path: Path) -> None:
    """Its folder is all that is added: listed, built, checked, split, with its option."""
    out = tmp_path / "run.json"
    probe.env["PROBE_BINDINGS"] = str(TOY)
    listed = json.loads(probe("list", "paths", "--json").out)["paths"]
    assert [p for p in listed if p["name"] == "toy"]
    done = probe("run", "add", "-p", "toy,toy+nogil", "-i", python, *QUICK, "-o", out)
    assert done.code == 0, done.err
    found = cells(out)
    assert set(parts_of(found["add/toy"])) == {"call+return", "marshal_in+marshal_out", "compute"}
    assert "detach+attach" in parts_of(found["add/toy+nogil"])
    # What it can't express is told, and the rest goes on.
    again = probe("run", "fib", "-p", "toy,capi-fastcall", "-i", python, *QUICK, "-o", out)
    assert again.code == 3
    assert cells(out)["fib/toy"]["status"] == "failed"
    assert cells(out)["fib/capi-fastcall"]["status"] == "ok"


def test_a_function_without_a_seam_has_a_twin(probe: Probe, python: str, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    paths = "capi-fastcall,capi-fastcall+static"
    done = probe("run", "fib", "sum:16", "-p", paths, "-i", python, "--fast", "-q", "-o", out)
    assert done.code == 0, done.err
    found = cells(out)
    static = found["fib/capi-fastcall+static"]
    assert any("empty-bodied twin" in w for w in static["warnings"])
    # Hundreds of nanoseconds of work, found by the twin as by the seam.
    seam, twin = parts_of(found["fib/capi-fastcall"]), parts_of(static)
    assert 0.7 < twin["compute"] / seam["compute"] < 1.4, (seam, twin)
    assert "compute" in parts_of(found["sum:16/capi-fastcall+static"])


@pytest.mark.parametrize(
    "paths, words",
    [
        ("capi-fastcall+nogill", ["no option of capi-fastcall", "nogil?"]),
        ("capi-fastcall+nogil+nogil", ["named twice"]),
        ("python+nogil", ["no option of python"]),
        ("ctypes+static", ["no option of ctypes"]),
    ],
)
def test_options_that_are_not_there(probe: Probe, paths: str, words: Any) -> None:
    probe("run", "add", "-p", paths).one_error(2, *words)
