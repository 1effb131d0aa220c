# SPDX-License-Identifier: MIT
"""A cell is measured once its calls are steady; one path over several builds."""

import csv
import json
import statistics
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import ROOT, Probe, cells

SAMPLE = ROOT / "plots" / "sample" / "run.json"
QUICK = ["--fast", "--passes", "1", "--rounds", "30", "-q"]


def series(path: Path) -> Dict[str, List[Dict[str, str]]]:
    """The points of a --warmup-series file by path."""
    found: Dict[str, List[Dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            found.setdefault(row["path"], []).append(row)
    return found


def test_the_series_begins_cold_and_ends_steady(probe: Probe, python: str, tmp_path: Path) -> None:
    out, again = tmp_path / "w.csv", tmp_path / "again.csv"
    run = tmp_path / "run.json"
    args = ["run", "add", "-p", "python,ctypes", "-i", python, *QUICK]
    done = probe(*args, "-o", run, "--warmup-series", out)
    assert done.code == 0, done.err
    assert probe("show", run, "--warmup-series", again).out == ""
    assert again.read_text(encoding="utf-8") == out.read_text(encoding="utf-8")
    for path, rows in series(out).items():
        kept = cells(run)["add/" + path]["warmup"]
        calls = [int(row["call"]) for row in rows]
        assert calls[:4] == [0, 1, 2, 3] and calls == sorted(set(calls))
        assert 24 <= len(rows) <= 48
        assert kept["call_count"] > calls[-1]
        assert all(0 <= float(row["contended"]) <= 1 for row in rows)
        # The first call ever resolves, allocates and is not specialised.
        later = [float(row["ns_per_call"]) for row in rows[24:] if row["ns_per_call"]]
        assert float(rows[0]["ns_per_call"]) > 2 * statistics.median(later)
        steady = [int(row["steady"]) for row in rows]
        assert steady == sorted(steady)
        if kept["steady_from"] is not None:
            assert steady == [call >= kept["steady_from"] for call in calls]


def test_what_never_is_steady_is_marked_everywhere(probe: Probe, tmp_path: Path) -> None:
    """The warning comes with the measurement; the marks from what the run file says."""
    document: Dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    measured = [c for c in document["probe"]["cells"] if c["status"] == "ok" and c["ladder"]]
    measured[0]["warmup"] = {
        "calls": [0],
        "ticks": [500.0],
        "contended": [0],
        "call_count": 1,
        "steady_from": None,
        "processes": 3,
        "processes_unsteady": 2,
        "change": 0.3,
    }
    run, markdown = tmp_path / "run.json", tmp_path / "table.md"
    run.write_text(json.dumps(document), encoding="utf-8")
    assert "not steady: the call still changed" in probe("show", run).out
    assert "not steady" in probe("show", run, "--view", "builds").out
    probe("show", run, "--export-markdown", markdown)
    assert "not steady" in markdown.read_text(encoding="utf-8")


def test_builds_are_beside_each_other(probe: Probe) -> None:
    done = probe("show", SAMPLE, "--view", "builds", "-p", "ctypes")
    assert done.code in (0, 3), done.err
    heads = [line for line in done.out.splitlines() if " through " in line]
    assert heads and all(" through ctypes " in line for line in heads)
    assert "because of" in heads[0]
    assert "builds   cpython-" in done.out and ": version" in done.out


def test_wrong_use(probe: Probe) -> None:
    probe("show", SAMPLE, "--view", "sideways").one_error(2, "--view", "breakdown", "builds")
    probe("show", SAMPLE, "--view", "builds", "--phases", "8").one_error(2, "--phases 8")
    probe("run", "add", "--view", "builds", "--phases", "8").one_error(2, "--phases 8")
    probe("show", SAMPLE, "-p", "nonsense").one_error(1, "nonsense")


def compiled(points: List[Dict[str, str]]) -> float:
    """How the call's time after compilation compares with that before."""
    before, after = [], []
    for row in points:
        call = int(row["call"])
        if not row["ns_per_call"] or float(row["contended"]) >= 0.5:
            continue
        if 60 <= call < 2000:
            before.append(float(row["ns_per_call"]))
        elif call > 8192:
            after.append(float(row["ns_per_call"]))
    return statistics.median(after) / statistics.median(before) if before and after else 1.0


@pytest.mark.slow
def test_a_jit_shows_in_the_series(probe: Probe, tmp_path: Path) -> None:
    """3.15's compiles the loop after some 4,000 calls: what is measured comes after that."""
    listed = json.loads(probe("list", "interpreters", "--json").out)
    found = [i for i in listed["interpreters"] if i["label"].startswith("cpython-3.15")]
    if not any(i["label"].endswith("-jit") for i in found):
        pytest.skip("there is no CPython 3.15 with a JIT")
    label = next(i["label"] for i in found if i["label"].endswith("-jit"))
    out, run = tmp_path / "w.csv", tmp_path / "run.json"
    ratio = 1.0
    for _ in range(6):
        done = probe(
            *("run", "add", "-p", "python", "-i", label.split("-", 1)[1], *QUICK),
            *("-o", run, "--warmup-series", out),
        )
        assert done.code == 0, done.err
        assert cells(run)["add/python"]["warmup"]["call_count"] > 8192
        ratio = min(ratio, compiled(series(out)["python"]))
        if ratio < 0.85:
            break
    assert ratio < 0.85
