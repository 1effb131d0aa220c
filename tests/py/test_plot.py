# SPDX-License-Identifier: MIT
"""`probe plot`: figures in three formats, nothing hidden in them, errors in one line."""

import copy
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Optional

import pytest

from conftest import PROBE_BIN, ROOT

SAMPLE = ROOT / "plots" / "sample" / "run.json"

pytestmark = pytest.mark.skipif(not PROBE_BIN.exists(), reason="build it first: make")
needs_gnuplot = pytest.mark.skipif(
    shutil.which("gnuplot") is None, reason="gnuplot is not installed"
)


def plot(*args: str, env: Optional[Dict[str, str]] = None) -> "Result":
    done = subprocess.run(
        [str(PROBE_BIN), "plot"] + list(args),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
        env=dict(os.environ, PROBE_HOME=str(ROOT), **(env or {})),
    )
    return Result(done.returncode, done.stderr)


class Result:
    def __init__(self, code: int, stderr: str) -> None:
        self.code = code
        self.stderr = stderr

    def is_error(self, code: int, words: str) -> bool:
        """Whether it ended with the code and one line that holds the words."""
        lines = self.stderr.splitlines()
        return self.code == code and len(lines) == 1 and words in lines[0]


def changed(tmp_path: Path, change: Callable[[Dict[str, Any]], None]) -> str:
    """The sample's model after a change, as a file."""
    with SAMPLE.open() as stream:
        document = json.load(stream)
    change(document["probe"])
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(document))
    return str(path)


def swept(tmp_path: Path, change: Callable[[Dict[str, Any]], None] = lambda model: None) -> str:
    """A made-up sweep as a file: the sample's ctypes cell, with totals of our own."""

    def fill(model: Dict[str, Any]) -> None:
        like = next(c for c in model["cells"] if c["path"] == "ctypes" and c["ladder"])
        ns = model["counter"]["hz"] / 1e9
        model.update(cells=[], sweeps=[], interpreters=model["interpreters"][-2:])
        for interpreter in model["interpreters"]:
            for kind, slope in (("int", 40), ("str", 100)):
                for count in (0, 1, 2, 6):
                    name = "args:%s:%d" % (kind, count)
                    sweep = {"workload": name, "family": "args", "type": kind, "count": count}
                    if sweep not in model["sweeps"]:
                        model["sweeps"].append(sweep)
                    for path, base in (("ctypes", 200), ("capi_{x}", 20), ("hpy", None)):
                        cell = copy.deepcopy(like)
                        cell.update(workload=name, path=path, interpreter=interpreter["label"])
                        if base is None:
                            cell.update(status="unavailable", ladder=None, reason="no HPy here")
                        else:
                            total = cell["ladder"]["total"]
                            total["ticks"] = (base + slope * count * base / 200) * ns
                            total.update(half=2 * ns, below_floor=False)
                            cell["ladder"]["contended"] = False
                        model["cells"].append(cell)
        change(model)

    return changed(tmp_path, fill)


def texts(svg: Path) -> str:
    """What a reader sees written in an SVG."""
    found = re.findall(r"<text[^>]*>(.*?)</text>", svg.read_text(), flags=re.S)
    plain = "\n".join(re.sub(r"<[^>]*>", "", text) for text in found)
    plain = plain.replace("\u00a0", " ")
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@needs_gnuplot
@pytest.mark.parametrize(
    "suffix, magic",
    [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("tex", b"% GNUPLOT")],
)
def test_formats(tmp_path: Path, suffix: str, magic: bytes) -> None:
    figure = tmp_path / ("a figure's name." + suffix)
    assert plot(str(SAMPLE), "-o", str(figure)).code == 0
    assert figure.read_bytes().startswith(magic)
    assert figure.stat().st_size > 5000
    beside = ["a figure's name.pdf"] if suffix == "tex" else []  # its drawing
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([figure.name] + beside)


@needs_gnuplot
def test_it_names_cpu_counter_unit_builds_and_values(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    assert plot(str(SAMPLE), "-o", str(figure)).code == 0
    seen = texts(figure)
    with SAMPLE.open() as stream:
        model = json.load(stream)["probe"]
    for wanted in ("Sample CPU", "TSC ticks", "ns per call", "sample data"):
        assert wanted in seen
    for interpreter in model["interpreters"]:
        assert interpreter["label"] in seen
    for cell in model["cells"]:
        assert cell["path"] in seen
        if cell["ladder"]:
            total = cell["ladder"]["total"]["ticks"] / model["counter"]["hz"] * 1e9
            assert any("%.*f ±" % (digits, total) in seen for digits in range(3))
        else:
            assert cell["reason"][:20] in seen


@needs_gnuplot
def test_failed_contended_and_merged_cells_are_seen(tmp_path: Path) -> None:
    def change(model: Dict[str, Any]) -> None:
        first, second, third = [c for c in model["cells"] if c["path"] == "ctypes"][:3]
        first.update(status="crashed", ladder=None, reason='signal 11\n"x_{y}" \\n')
        second["ladder"]["contended"] = True
        sub = ["call", "marshal_in", "detach", "invoke", "attach", "marshal_out"]
        value = third["ladder"]["total"]
        third["ladder"]["folded"] = [{"subphases": sub + ["return"], "value": value}]

    figure = tmp_path / "f.svg"
    assert plot(changed(tmp_path, change), "-o", str(figure)).code == 0
    seen = texts(figure)
    assert "crashed: signal 11 'x_{y}'" in seen
    assert "contended" in seen
    assert "dispatch+marshalling" in seen


@needs_gnuplot
def test_long_python_bars_are_broken_and_say_their_value(tmp_path: Path) -> None:
    def change(model: Dict[str, Any]) -> None:
        for cell in model["cells"]:
            if cell["path"] == "python":
                cell["ladder"]["total"].update(ticks=1e6 * 2.45, half=5e3 * 2.45)

    figure = tmp_path / "f.svg"
    assert plot(changed(tmp_path, change), "-o", str(figure)).code == 0
    seen = texts(figure)
    assert "A broken bar is longer than drawn" in seen
    assert "1000000" in seen
    assert "1200000" not in seen  # the axis stays with the other paths


@needs_gnuplot
def test_every_cell_failed(tmp_path: Path) -> None:
    def change(model: Dict[str, Any]) -> None:
        for cell in model["cells"]:
            cell.update(status="timeout", ladder=None, reason="no result after 60 s")

    figure = tmp_path / "f.svg"
    assert plot(changed(tmp_path, change), "-o", str(figure)).code == 0
    assert "timeout: no result after 60 s" in texts(figure)


@needs_gnuplot
def test_cycles(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    assert plot(str(SAMPLE), "-o", str(figure), "--unit", "cycles").code == 0
    assert "core cycles (estimated) per call" in texts(figure)

    def change(model: Dict[str, Any]) -> None:
        model["counter"]["cycles_per_tick"] = None

    refused = plot(changed(tmp_path, change), "-o", str(figure), "--unit", "cycles")
    assert refused.is_error(1, "core cycles are absent")


@needs_gnuplot
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_heatmap_in_every_format(tmp_path: Path, suffix: str) -> None:
    figure = tmp_path / ("f." + suffix)
    assert plot(swept(tmp_path), "-o", str(figure), "--kind", "heatmap").code == 0
    assert figure.stat().st_size > 5000


@needs_gnuplot
def test_a_heatmap_has_totals_slopes_and_names(tmp_path: Path) -> None:
    def change(model: Dict[str, Any]) -> None:
        first, second = [c for c in model["cells"] if c["workload"] == "args:str:6"][:2]
        first.update(status="crashed", ladder=None, reason="signal 11")
        second["ladder"]["contended"] = True

    figure = tmp_path / "f.svg"
    assert plot(swept(tmp_path, change), "-o", str(figure), "--kind", "heatmap").code == 0
    seen = texts(figure)
    for wanted in ("Sample CPU", "TSC ticks", "ns per call", "sample data", "args on cpython-"):
        assert wanted in seen
    assert seen.count("ctypes") == seen.count("capi_{x}") == 2  # a panel on each interpreter
    assert seen.count("hpy: unavailable: no HPy here") == 2
    lines = seen.splitlines()
    for total in ("200", "240", "280", "440", "800", "44"):  # of ctypes, and of the other
        assert total in lines, total
    assert "crash" in lines and "80!" in lines
    assert sum(line.startswith("+40.0 ±") for line in lines) == 2
    assert sum(line.startswith("+4.0 ±") for line in lines) == 2


@needs_gnuplot
def test_a_heatmap_of_nothing_measured(tmp_path: Path) -> None:
    def change(model: Dict[str, Any]) -> None:
        for cell in model["cells"]:
            cell.update(status="timeout", ladder=None, reason="no result after 60 s")

    figure = tmp_path / "f.svg"
    assert plot(swept(tmp_path, change), "-o", str(figure), "--kind", "heatmap").code == 0
    assert "ctypes: timeout: no result after 60 s" in texts(figure)


@needs_gnuplot
def test_a_heatmap_in_cycles(tmp_path: Path) -> None:
    run, figure = swept(tmp_path), tmp_path / "f.svg"
    args = [run, "-o", str(figure), "--kind", "heatmap", "--unit", "cycles"]
    assert plot(*args).code == 0
    assert "core cycles (estimated) per call" in texts(figure)

    def change(model: Dict[str, Any]) -> None:
        model["counter"]["cycles_per_tick"] = None

    args[0] = swept(tmp_path, change)
    assert plot(*args).is_error(1, "core cycles are absent")


def test_a_heatmap_needs_a_sweep(tmp_path: Path) -> None:
    figure = str(tmp_path / "f.svg")
    result = plot(str(SAMPLE), "-o", figure, "--kind", "heatmap")
    assert result.is_error(1, "probe run args")


def test_an_unknown_kind_lists_the_kinds(tmp_path: Path) -> None:
    result = plot(str(SAMPLE), "-o", str(tmp_path / "f.svg"), "--kind", "pie")
    assert result.is_error(2, "known: breakdown, builds, waterfall")


def test_no_gnuplot(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    result = plot(str(SAMPLE), "-o", str(figure), env={"PATH": str(tmp_path)})
    assert result.is_error(1, "apt-get install gnuplot-nox")
    assert not list(tmp_path.iterdir())


@needs_gnuplot
def test_a_failing_gnuplot_leaves_the_old_figure(tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "gnuplot"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'line 3: no good' >&2\nexit 1\n")
    fake.chmod(0o755)
    figure = tmp_path / "f.svg"
    figure.write_text("old")
    path = {"PATH": str(fake.parent) + os.pathsep + os.environ["PATH"]}
    assert plot(str(SAMPLE), "-o", str(figure), env=path).is_error(1, "no good")
    assert figure.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bin", "f.svg"]


def test_missing_run_file_and_unwritable_figure(tmp_path: Path) -> None:
    figure = str(tmp_path / "f.svg")
    assert plot(str(tmp_path / "none.json"), "-o", figure).is_error(1, "can't read")
    there = str(tmp_path / "no" / "f.svg")
    assert plot(str(SAMPLE), "-o", there).is_error(1, "can't write")


@pytest.mark.parametrize(
    "args",
    [
        [],
        [str(SAMPLE)],
        [str(SAMPLE), "-o"],
        [str(SAMPLE), "-o", "f.jpg"],
        [str(SAMPLE), "-o", "f"],
        [str(SAMPLE), "-o", "f.svg", "--unit", "hours"],
        [str(SAMPLE), "another.json", "-o", "f.svg"],
        [str(SAMPLE), "-o", "f.svg", "--wrong"],
    ],
)
def test_usage_errors(args: "list[str]") -> None:
    assert plot(*args).is_error(2, "plot")
