# SPDX-License-Identifier: MIT
"""The run file is what the real pyperf reads: shows, summarises and compares."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "plots" / "sample" / "run.json"
PYPERF: List[str] = [sys.executable, "-m", "pyperf"]


def pyperf(*args: str) -> str:
    """Runs pyperf and returns what it printed."""
    done = subprocess.run(
        PYPERF + list(args),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def need_pyperf() -> None:
    if subprocess.run(
        PYPERF + ["--help"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ).returncode:
        pytest.skip("pyperf is not installed: pip install pyperf")


@pytest.fixture(name="document")
def fixture_document() -> Dict[str, Any]:
    with SAMPLE.open() as stream:
        document: Dict[str, Any] = json.load(stream)
    return document


def test_sample_says_that_it_is_made_up(document: Dict[str, Any]) -> None:
    assert "nothing was measured" in json.dumps(document["probe"]["warnings"])
    assert "made-up" in document["metadata"]["cpu_model_name"]


def test_show_gives_the_mean_of_the_passes(document: Dict[str, Any]) -> None:
    shown = pyperf("show", "--quiet", str(SAMPLE))
    total = next(
        b
        for b in document["benchmarks"]
        if b["metadata"]["name"] == "fib/ctypes/cpython-3.13.0/total"
    )
    values = [value for run in total["runs"] for value in run["values"]]
    mean_us = sum(values) / len(values) * 1e6
    assert 0.5 < mean_us < 5
    line = next(
        part for part in shown.splitlines() if part.startswith("fib/ctypes/cpython-3.13.0/total")
    )
    assert "%.2f us" % mean_us in line


def test_stats_and_metadata_name_what_was_measured() -> None:
    assert "Total number of values: 3" in pyperf("stats", str(SAMPLE))
    metadata = pyperf("metadata", str(SAMPLE))
    for wanted in ("probe_counter: tsc", "probe_seed: 1234", "loops: 400"):
        assert wanted in metadata


def test_names_are_workload_path_interpreter_phase(document: Dict[str, Any]) -> None:
    names = [b["metadata"]["name"] for b in document["benchmarks"]]
    assert len(names) == len(set(names))
    phases = {name.split("/")[3] for name in names}
    assert {"total", "dispatch", "marshalling", "compute", "closure"} <= phases
    assert {"dispatch.call+return", "dispatch.detach+attach"} <= phases
    assert all(len(name.split("/")) == 4 for name in names)


def test_compare_to_finds_a_planted_difference(tmp_path: Path, document: Dict[str, Any]) -> None:
    slower = copy.deepcopy(document)
    for benchmark in slower["benchmarks"]:
        if benchmark["metadata"]["name"] != "add/ctypes/cpython-3.13.0/marshalling":
            continue
        for run in benchmark["runs"]:
            run["values"] = [1.5 * value for value in run["values"]]
    path = tmp_path / "slower.json"
    path.write_text(json.dumps(slower))
    lines = [
        line
        for line in pyperf("compare_to", str(SAMPLE), str(path)).splitlines()
        if "slower" in line and "mean" not in line.lower().split(":")[0]
    ]
    text = "\n".join(lines)
    assert "1.50x slower" in text


def test_no_value_was_clamped(document: Dict[str, Any]) -> None:
    """What pyperf would refuse is counted, and still in the probe section."""
    cells = {
        "/".join((c["workload"], c["path"], c["interpreter"])): c
        for c in document["probe"]["cells"]
    }
    counted = 0
    for benchmark in document["benchmarks"]:
        values = [value for run in benchmark["runs"] for value in run["values"]]
        assert values and all(value > 0 for value in values)
        refused = benchmark["metadata"].get("probe_values_not_positive", 0)
        counted += refused
        cell = cells[benchmark["metadata"]["name"].rsplit("/", 1)[0]]
        assert len(values) + refused == len(cell["ladder"]["passes"])
    assert counted > 0
