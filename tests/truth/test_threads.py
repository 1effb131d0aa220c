# SPDX-License-Identifier: MIT
"""Two threads: what may scale does, what may not doesn't, and the loss is where the waiting is."""

import json
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from conftest import INTERPRETERS, probe

KEEPS, RELEASES = "capi-fastcall", "capi-fastcall+nogil"
PATHS = [RELEASES, KEEPS]
CALLABLES = ["private", "shared"]
ATTEMPTS = 5
RETRY_S = 150.0  # for all interpreters together; after that, one attempt each
CORES = 1.8  # of two: what a control in C must get before a row proves anything

retried_s: List[float] = []  # what further attempts have taken so far

Rows = Dict[Tuple[str, str, int], Dict[str, Any]]


def chosen() -> List[Any]:
    """The newest build with a GIL, and the newest without; the others with the slow tests."""
    with_gil = [i for i in INTERPRETERS if not i["gil_off"] and not i["debug"]]
    without = [i for i in INTERPRETERS if i["gil_off"] and not i["debug"]]
    first = [*with_gil[-1:], *without[-1:]]
    slow = [i for i in INTERPRETERS if i not in first]
    return [
        *(pytest.param(i, id=i["label"]) for i in first),
        *(pytest.param(i, id=i["label"], marks=pytest.mark.slow) for i in slow),
    ]


def measure(tmp: Path, interpreter: Dict[str, Any]) -> Rows:
    out = tmp / "run.json"
    done = probe(
        "run", "truth_threads", "-p", ",".join(PATHS), "-i", interpreter["label"], "--threads",
        "1,2", "--fast", "--passes", "1", "-q", "-o", str(out),
    )  # fmt: skip
    assert out.exists(), done.stderr
    run = json.loads(out.read_text())["probe"]
    for cell in run["cells"]:
        if cell["status"] in ("unavailable", "inapplicable"):
            pytest.skip("%s: %s" % (cell["path"], cell["reason"]))
    rows = {(r["path"], r["callables"], r["threads"]): r for r in run["threaded"]}
    assert len(rows) == 2 * len(PATHS) * len(CALLABLES)
    assert [r["reason"] for r in rows.values() if r["status"] != "ok"] == []
    return rows


def not_to_be_had(row: Dict[str, Any]) -> Optional[str]:
    """Why this row of two threads proves nothing."""
    if row["cpus"] < 2:
        return "one CPU only"
    if row["contended"]:
        return "other processes had the CPUs"
    if row["cores"] is None or row["cores"] < CORES:
        return "two threads in C got %.2f cores" % (row["cores"] or 0)
    return None


def scales(row: Dict[str, Any]) -> None:
    """Twice the calls, as far as the machine gave twice the adds."""
    assert row["scaling"] > 0.9 * min(row["cores"], 2.0), row


def waits(row: Dict[str, Any]) -> None:
    """No more calls than from one thread; the rest of the time is waiting, and not compute."""
    assert 0.85 < row["scaling"] < 1.15, row
    grown = {"+".join(p["subphases"]): p["grown_ns"] for p in row["phases"]}
    total = sum(grown.values())
    one = row["call_ns"] / 2
    assert total > 0.5 * one, (grown, one)
    # The binding never lets go: the interpreter takes turns between two calls.
    assert grown["call+return"] > 0.75 * total, grown
    assert abs(grown["compute"]) < 0.2 * total, grown


@pytest.mark.parametrize("interpreter", chosen())
def test_only_what_releases_the_gil_scales(interpreter: Dict[str, Any], tmp_path: Path) -> None:
    """Each row passes once; an attempt in which the second core was not to be had proves nothing."""
    gil = not interpreter["gil_off"]
    open_rows = {(path, callables) for path in PATHS for callables in CALLABLES}
    why: Dict[Tuple[str, str], str] = {}
    failed: Dict[Tuple[str, str], str] = {}
    for attempt in range(ATTEMPTS):
        begin = time.monotonic()
        time.sleep(2 * attempt)
        rows = measure(tmp_path, interpreter)
        for path, callables in sorted(open_rows):
            row = rows[path, callables, 2]
            try:
                (waits if gil and path == KEEPS else scales)(row)
                open_rows.remove((path, callables))
            except AssertionError as e:
                reason = not_to_be_had(row)
                (why if reason else failed)[path, callables] = reason or str(e)
        if attempt:
            retried_s.append(time.monotonic() - begin)
        if not open_rows or sum(retried_s) > RETRY_S:
            break
    wrong = {row: failed[row] for row in open_rows if row in failed}
    assert not wrong, wrong
    if open_rows:
        pytest.skip("; ".join("%s, %s: %s" % (*row, why[row]) for row in sorted(open_rows)))
