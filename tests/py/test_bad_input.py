# SPDX-License-Identifier: MIT
"""Run files that are no use and places that can't be written: for each verb that reads a run, one
line that says why, the documented exit code, and no file that is not whole."""

import json
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from conftest import PROBE_BIN, ROOT, Probe

SAMPLE = ROOT / "plots" / "sample" / "run.json"
LATER = SAMPLE.parent / "later.json"

needs_gnuplot = pytest.mark.skipif(
    shutil.which("gnuplot") is None, reason="gnuplot is not installed"
)


def empty(model: Dict[str, Any]) -> None:
    model.update(cells=[], sweeps=[])


def fail(model: Dict[str, Any], step: int = 1) -> None:
    for cell in model["cells"][::step]:
        cell.update(status="crashed", ladder=None, timeline=None, reason="died by signal 11")


def elsewhere(model: Dict[str, Any]) -> None:
    for cell in model["cells"]:
        cell["workload"] += ":other"


def changed(tmp_path: Path, change: Callable[[Dict[str, Any]], None], name: str) -> Path:
    """The sample run after a change."""
    document: Dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    change(document["probe"])
    path = tmp_path / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def verbs(run: Path, out: Path) -> Dict[str, List[Any]]:
    """Each verb that reads run files, at work on this one."""
    return {
        "show": ["show", run],
        "compare": ["compare", SAMPLE, run],
        "compare, the other way": ["compare", run, SAMPLE, "--export-markdown", out / "c.md"],
        "report": ["report", run, "-o", out / "r.html", "--no-figures"],
        "report of two": ["report", SAMPLE, run, "-o", out / "r.tex", "--no-figures"],
        "plot": ["plot", run, "-o", out / "f.svg"],
        "delta": ["plot", SAMPLE, run, "--kind", "delta", "-o", out / "f.pdf"],
    }


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "is empty"),
        ("no JSON", "is not JSON"),
        (SAMPLE.read_text(encoding="utf-8")[:5000], "truncated"),
        ('{"a": 1}', "no run file"),
        ("[1, 2]", "run.json"),
        ('{"version": "1.0", "benchmarks": []}', "pyperf file without a probe section"),
        ('{"probe": {"schema_version": 99}}', "update probe"),
        ('{"probe": {"schema_version": "new"}}', "schema"),
        (None, "can't read"),
    ],
)
def test_a_file_that_is_no_run(probe: Probe, tmp_path: Path, content: Any, words: str) -> None:
    run = tmp_path / "run.json"
    if content is not None:
        run.write_text(content, encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    for args in verbs(run, out).values():
        probe(*args).one_error(1, words, "run.json")
    assert not list(out.iterdir())


def test_a_run_without_cells(probe: Probe, tmp_path: Path) -> None:
    run = changed(tmp_path, empty, "empty.json")
    out = tmp_path / "out"
    out.mkdir()
    for name, args in verbs(run, out).items():
        pair = name.startswith("compare") or name == "delta"
        probe(*args).one_error(1, "no measured cell in common" if pair else "no cell")
    assert not list(out.iterdir())


def test_two_runs_with_nothing_in_common(probe: Probe, tmp_path: Path) -> None:
    for change in (elsewhere, fail):
        run = changed(tmp_path, change, "other.json")
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        for name in ("compare", "compare, the other way", "delta"):
            probe(*verbs(run, out)[name]).one_error(1, "no measured cell in common")
        assert not list(out.iterdir())


@needs_gnuplot
@pytest.mark.parametrize("step", [1, 2])
def test_failed_cells_are_told_and_not_hidden(probe: Probe, tmp_path: Path, step: int) -> None:
    run = changed(tmp_path, lambda model: fail(model, step), "failed.json")
    out = tmp_path / "out"
    out.mkdir()
    shown = probe("show", run)
    assert shown.code == 3 and "crashed: died by signal 11" in shown.out
    assert any(line.startswith("probe: crashed on cpython-3.8.18: ") for line in shown.error_lines)
    for args in (verbs(run, out)["report"], verbs(run, out)["plot"]):
        assert probe(*args).code == 0
    for name in ("r.html", "f.svg"):
        assert "died by signal 11" in (out / name).read_text(encoding="utf-8")
    if step == 2:
        compared = probe(*verbs(run, out)["compare"])
        assert compared.code == 0 and "without a partner" in compared.out
        assert probe(*verbs(run, out)["delta"]).code == 0


@needs_gnuplot
def test_a_report_on_a_gnuplot_without_the_terminal(probe: Probe, tmp_path: Path) -> None:
    """The figures of each format come from terminals of their own."""
    fake = tmp_path / "bin" / "gnuplot"
    fake.parent.mkdir()
    real = shutil.which("gnuplot")
    fake.write_text(
        "#!/bin/sh\nfor last; do :; done\n"
        'sed -i \'s/GPVAL_TERMINALS/" dumb "/\' "$last"\nexec %s "$@"\n' % real
    )
    fake.chmod(0o755)
    out = tmp_path / "r.tex"
    refused = probe("report", SAMPLE, "-o", out, PATH="%s:/usr/bin:/bin" % fake.parent)
    refused.one_error(1, "no pdfcairo", "--no-figures")
    assert [p.name for p in tmp_path.iterdir()] == ["bin"]


# --- a full disk -----------------------------------------------------------------------------------


def with_room(size: int, *args: Any) -> "subprocess.CompletedProcess[str]":
    """The command where no file may grow beyond a size, which reads as a full disk."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        [str(PROBE_BIN), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        preexec_fn=limit,
        restore_signals=False,
        timeout=60,
        env=dict(os.environ, PROBE_HOME=str(ROOT)),
    )


def assert_refused(done: "subprocess.CompletedProcess[str]", folder: Path) -> None:
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and len(lines) == 1, (done.returncode, done.stderr)
    assert lines[0].startswith("probe: ") and "can't write" in lines[0]
    assert ".probe-plot-" not in lines[0]  # a hidden folder tells nobody anything
    assert not list(folder.iterdir())


@needs_gnuplot
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "tex"])
def test_no_room_for_a_figure(tmp_path: Path, suffix: str) -> None:
    few = ["--python", "3.13", "--workload", "fib", "--width", "178mm"]
    whole = tmp_path / ("w." + suffix)
    assert with_room(10**8, "plot", SAMPLE, *few, "-o", whole).returncode == 0
    size = max(p.stat().st_size for p in tmp_path.iterdir())
    for path in tmp_path.iterdir():
        path.unlink()
    # For nothing; for the data alone; for all but the end of the figure, which gnuplot hides.
    for room in (100, 8000, size - 40):
        assert_refused(with_room(room, "plot", SAMPLE, *few, "-o", whole), tmp_path)


@pytest.mark.parametrize(
    "args",
    [
        ["report", SAMPLE, "--no-figures", "-o", "r.html"],
        ["report", SAMPLE, "--no-figures", "-o", "r.md"],
        ["show", SAMPLE, "--export-csv", "r.csv"],
        ["show", SAMPLE, "--export-trace", "r.json"],
        ["compare", SAMPLE, LATER, "--export-markdown", "r.md"],
    ],
)
def test_no_room_for_a_file(tmp_path: Path, args: List[Any]) -> None:
    assert_refused(with_room(500, *args[:-1], tmp_path / args[-1]), tmp_path)


@pytest.mark.parametrize(
    "args", [["show", SAMPLE], ["compare", SAMPLE, LATER], ["list", "paths"], ["help"]]
)
def test_no_room_for_the_output(args: List[Any]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [str(PROBE_BIN), *map(str, args)],
            stdout=full,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert "the output could not be written whole" in done.stderr.splitlines()[-1]
