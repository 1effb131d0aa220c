# SPDX-License-Identifier: MIT
"""Run files from strangers: their text is text, their figures are figures, their size has an end."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import threading
import xml.etree.ElementTree
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest

from conftest import PROBE_BIN, ROOT, Probe

CORPUS = ROOT / "tests" / "fuzz" / "corpus" / "run"
SAMPLE = ROOT / "plots" / "sample" / "run.json"
# A title for the terminal, a C1 control, a line that isn't the file's, text from right to left, a
# tag, a link and a table's end; what is the control character for a program that reads escapes.
HOSTILE = "\x1b]0;pwned\x07\x9b31m\n\u202e<script>x</script>[l](javascript:x)|&lt;\\033[1m"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def poison(value: Any, short: str, key: str = "") -> Any:
    """The same with hostile text in front of every string that is free to be anything."""
    if isinstance(value, dict):
        return {k: poison(v, short, k) for k, v in value.items()}
    if isinstance(value, list):
        return [poison(v, short, key) for v in value]
    if not isinstance(value, str) or key in ("state", "status", "subphases", "callables", "seed"):
        return value
    if key in ("label", "interpreter"):
        return value + short
    if key in ("implementation", "probe_version", "kind"):
        return value[:4] + short
    if key in ("version", "optimisation", "compiler", "libc", "unit", "started"):
        return value[:12] + short
    return HOSTILE + value


@pytest.fixture(name="hostile", params=["rows", "failed", "timeline", "sweep", "threads"])
def fixture_hostile(tmp_path: Path, request: Any) -> Path:
    document = json.loads((CORPUS / (request.param + ".json")).read_text(encoding="utf-8"))
    run = document["probe"]
    run["warnings"] = ["="]
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps(dict(document, probe=poison(run, "\x1b[7m<b>"))), encoding="utf-8")
    return path


def texts(probe: Probe, run: Path, out: Path) -> Dict[str, str]:
    """What every renderer writes of a run, by its name."""
    shown: Dict[str, str] = {}
    for name, args in {
        "show": ["show", run],
        "show eight": ["show", run, "--phases", "8", "-v"],
        "show builds": ["show", run, "--view", "builds"],
        "compare": ["compare", run, run, "--export-markdown", out / "compare.md"],
        "gate": ["compare", run, SAMPLE, "--fail-above", "5"],
        "not there": ["show", run, "-p", "\x1b[31mpath"],
        "export": ["show", run, "--export-csv", out / "a.csv", "--export-markdown", out / "a.md"],
        "warmup": ["show", run, "--warmup-series", out / "w.csv"],
        "html": ["report", run, "-o", out / "r.html", "--no-figures"],
        "md": ["report", run, "-o", out / "r.md", "--no-figures"],
        "tex": ["report", run, "-o", out / "r.tex", "--no-figures"],
    }.items():
        done = probe(*args)
        assert done.code in (0, 1, 2, 3), (name, done.err)
        shown[name + " stdout"], shown[name + " stderr"] = done.out, done.err
    for file in sorted(out.iterdir()):
        shown[file.name] = file.read_text(encoding="utf-8")
    return shown


def test_text_of_a_file_is_text(probe: Probe, hostile: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    shown = texts(probe, hostile, out)
    assert {"a.csv", "a.md", "r.html", "r.md", "r.tex"} <= set(shown), shown
    for name, text in shown.items():
        assert not CONTROL.search(text), (name, CONTROL.search(text))
        if name.endswith((".md", ".html")):
            bare = re.sub(r"^    .*$|`[^`\n]*`", "", text, flags=re.M)  # listings and code
            assert "<script" not in bare, name
            assert name.endswith(".html") or "](javascript:" not in bare, name
    assert "\\x1b]0;pwned" in shown["show stdout"] + shown["show stderr"]
    assert "\\u202e" in shown["show stdout"] + shown["show stderr"]


def hostile_sample(tmp_path: Path, name: str) -> Path:
    document = json.loads((SAMPLE.parent / (name + ".json")).read_text(encoding="utf-8"))
    path = tmp_path / (name + ".json")
    hostile = dict(document, probe=poison(document["probe"], "\x1b[7m<b>"))
    path.write_text(json.dumps(hostile), encoding="utf-8")
    return path


@pytest.mark.skipif(not shutil.which("gnuplot"), reason="there is no gnuplot")
@pytest.mark.parametrize(
    "kind, sample",
    [
        ("breakdown", "run"),
        ("builds", "run"),
        ("waterfall", "run"),
        ("distribution", "run"),
        ("break-even", "run"),
        ("delta", "run"),
        ("heatmap", "sweep"),
        ("scaling", "threads"),
    ],
)
def test_text_of_a_file_is_text_in_a_plot(
    probe: Probe, tmp_path: Path, kind: str, sample: str
) -> None:
    run = hostile_sample(tmp_path, sample)
    runs = [run, run] if kind == "delta" else [run]
    done = probe("plot", *runs, "--kind", kind, "-o", tmp_path / "plot.svg")
    assert done.code == 0 and not CONTROL.search(done.out + done.err), done.err
    svg = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert not CONTROL.search(re.sub("[\t\r]", "", svg))
    elements = list(xml.etree.ElementTree.fromstring(svg).iter())
    names = {str(element.tag).rpartition("}")[2] for element in elements}
    assert not names & {"script", "foreignObject", "image"}, names
    hrefs = [v for e in elements for k, v in e.attrib.items() if k.endswith("href")]
    assert all(href.startswith("#") for href in hrefs)
    assert "\\x1b" in "".join(element.text or "" for element in elements)


@pytest.mark.parametrize("format", ["trace", "speedscope"])
def test_text_of_a_file_is_text_in_a_trace(probe: Probe, tmp_path: Path, format: str) -> None:
    out = tmp_path / "trace"
    done = probe("show", hostile_sample(tmp_path, "run"), "--export-" + format, out)
    assert out.exists(), done.err
    found = list(strings(json.loads(out.read_text(encoding="utf-8"))))
    assert [text for text in found if CONTROL.search(text) or "\n" in text] == []
    assert any("\\x1b" in text for text in found)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def test_a_message_that_quotes_a_file_is_text(probe: Probe, tmp_path: Path) -> None:
    bad = tmp_path / "bad\x1b[31m.json"
    bad.write_text('{"\x1b[31m', encoding="utf-8")
    line = probe("show", bad).one_error(1, "bad\\x1b[31m.json")
    assert not CONTROL.search(line)
    assert not CONTROL.search(probe("\x1b[31mshow").one_error(2, "\\x1b[31mshow"))


def test_no_spreadsheet_calculates(probe: Probe, tmp_path: Path) -> None:
    def change(run: Dict[str, Any]) -> None:
        for cell, lead in zip(run["cells"], ["=1+1|", "+1+", "-1-", "@sum", "-5"]):
            cell["workload"] = lead + cell["workload"] * (lead != "-5")

    path = changed(tmp_path, change)
    probe("show", path, "--export-csv", tmp_path / "a.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8"))))
    names = {row[0] for row in rows[1:]}
    assert {name for name in names if name[0] in "=+@\t\r"} == set()
    assert {name for name in names if name[0] == "-"} <= {"-5"}
    assert {"'=1+1|fib", "'+1+fib", "'-1-fib"} <= names
    ticks = rows[0].index("ticks_per_call")
    assert all(row[ticks] == "" or float(row[ticks]) < 1e18 for row in rows[1:])


def changed(tmp_path: Path, change: Callable[[Dict[str, Any]], None]) -> Path:
    document = json.loads((CORPUS / "rows.json").read_text(encoding="utf-8"))
    change(document["probe"])
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def put(path: str, value: Any) -> Callable[[Dict[str, Any]], None]:
    """A change of one value: "cells.0.ladder.total.half"."""

    def change(run: Dict[str, Any]) -> None:
        *way, last = path.split(".")
        at: Any = run
        for step in way:
            at = at[int(step) if step.isdigit() else step]
        at[int(last) if last.isdigit() else last] = value

    return change


NOISY = {"state": "exact", "ticks": -50.0, "half": 3.0, "below_floor": True}


@pytest.mark.parametrize(
    "where, value",
    [
        ("cells.0.ladder.total.ticks", -5000),
        ("cells.0.ladder.total.half", -1),
        ("cells.1.ladder.passes.0.total", -5000),
        ("cells.1.ladder.parts.0.value.half", -0.5),
        ("cells.0.ladder.total.ticks", 1e300),
        ("cells.1.ladder.floor_ticks", -3),
        ("cells.1.ladder.rounds", -1),
        ("counter.hz", -1),
        ("duration_s", -1),
    ],
)
def test_what_nobody_measured_is_refused(
    probe: Probe, tmp_path: Path, where: str, value: Any
) -> None:
    place = re.sub(r"\.(\d+)", r"[\1]", where)
    probe("show", changed(tmp_path, put(where, value))).one_error(1, "probe." + place)


def test_a_time_that_noise_brought_below_nothing_is_read(probe: Probe, tmp_path: Path) -> None:
    """A few calls on a busy machine, less what the loop takes."""

    def noisy(run: Dict[str, Any]) -> None:
        put("cells.1.ladder.total", NOISY)(run)
        put("cells.1.ladder.bare", NOISY)(run)
        for name in ("total", "bare"):
            put("cells.1.ladder.passes.0.%s" % name, -80.0)(run)

    done = probe("show", changed(tmp_path, noisy))
    assert done.code in (0, 3), done.err
    claimed = put("cells.1.ladder.total", {**NOISY, "below_floor": False})
    probe("show", changed(tmp_path, claimed)).one_error(1, "probe.cells[1].ladder.total.ticks")


@pytest.mark.parametrize("token", ["1e999", "-1e999", "NaN", "Infinity"])
def test_what_is_not_finite_is_refused(probe: Probe, tmp_path: Path, token: str) -> None:
    path = changed(tmp_path, put("cells.0.ladder.total.half", "HERE"))
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document, indent=1).replace('"HERE"', token), encoding="utf-8")
    line = path.read_text().split(token)[0].count("\n") + 1
    probe("show", path).one_error(1, "line %d" % line)


def test_what_is_there_twice_is_refused(probe: Probe, tmp_path: Path) -> None:
    def twice(run: Dict[str, Any]) -> None:
        run["cells"].append(run["cells"][1])

    for args in (["show", "{}"], ["compare", SAMPLE, "{}"], ["report", "{}", "-o", "r.html"]):
        path = changed(tmp_path, twice)
        done = probe(*(path if a == "{}" else a for a in args))
        done.one_error(1, "probe.cells[3] is there twice", "cells[1]")
    label = changed(tmp_path, lambda run: run["interpreters"].append(run["interpreters"][0]))
    probe("show", label).one_error(1, "probe.interpreters[1] is there twice")


def test_extreme_figures_are_printed(probe: Probe) -> None:
    done = probe("show", CORPUS / "extreme.json")
    assert done.code in (0, 3) and "cpython" in done.out


def test_endless_and_huge_files_are_refused(probe: Probe, tmp_path: Path) -> None:
    probe("show", "/dev/zero").one_error(1, "/dev/zero", "NUL")
    probe("report", SAMPLE, "--claims", "/dev/zero", "-o", tmp_path / "r.md").one_error(1, "NUL")
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate((1 << 30) + 1)
    probe("show", huge).one_error(1, "larger than", "1024 MiB")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def feed() -> None:
        with fifo.open("wb", buffering=0) as pipe:
            try:
                while True:
                    pipe.write(b'{"a":' * 4096)
            except BrokenPipeError:
                pass

    thread = threading.Thread(target=feed)
    thread.start()
    probe("show", fifo).one_error(1, "64 MiB")
    thread.join()


def test_a_pipe_is_read(probe: Probe) -> None:
    done = subprocess.run(
        ["bash", "-c", '"$0" show <(cat "$1")', str(PROBE_BIN), str(SAMPLE)],
        stdout=subprocess.PIPE,
        env=probe.env,
        universal_newlines=True,
    )
    assert "speedup" in done.stdout
