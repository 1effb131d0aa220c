# SPDX-License-Identifier: MIT
"""The same on PyPy and GraalPy, where the target is all that can be replaced."""

import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import ROOT, believe, measure, probe

sys.path.insert(0, str(ROOT / "ext" / "probe"))
import _portable  # type: ignore[import-not-found]

TOLERANCE = 0.02  # of the delay
# Of truth_long's. At its ends a core works on what comes before and after: 320 ticks were seen of
# GraalPy's call, 2.4 % of the delay that is enough elsewhere.
STEPS = 100000


@pytest.fixture(params=[pytest.param(n, marks=pytest.mark.slow) for n in ("pypy", "graalpy")])
def others(request: pytest.FixtureRequest) -> List[Dict[str, Any]]:
    """Each PyPy, or each GraalPy, that is found."""
    listed = probe("list", "interpreters", "--json", "-i", request.param)
    if listed.returncode:
        pytest.skip("there is no %s: make interpreters" % request.param)
    found: List[Dict[str, Any]] = json.loads(listed.stdout)["interpreters"]
    return found


def spin_ticks() -> float:
    """What the delay takes by itself, just now."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "probe"
    cores = sorted(cache.glob("portable/core-*"), key=lambda p: p.stat().st_mtime)
    assert cores, "no portable core in the cache: a run must come first"
    return statistics.median(_portable.Core(str(cores[-1])).spin_ticks(STEPS, 400))


def test_a_spin_of_known_cost_is_compute(others: List[Dict[str, Any]], tmp_path: Path) -> None:
    """All of it, and nothing of it in the boundary, beside the same call without it."""
    for other in others:

        def check() -> None:
            # One pass: each process of GraalPy's takes half a minute, and a ratio is what is asked.
            cells = ["truth_plain", "truth_long"]
            run = measure(tmp_path, other, cells, "ctypes", "--passes", "1")
            delay = spin_ticks()
            delayed = run.phases("truth_long", "ctypes")
            plain = run.phases("truth_plain", "ctypes")
            (boundary,) = set(plain) - {"compute"}
            found = (delayed["compute"] - plain["compute"]) / delay
            assert abs(found - 1) <= TOLERANCE, (other["label"], found)
            moved = (delayed[boundary] - plain[boundary]) / delay
            assert abs(moved) <= TOLERANCE, (other["label"], moved)

        believe(check)
