# SPDX-License-Identifier: MIT
"""How results are shown and exported."""

import csv
import io
import json
import math
import sys
import xml.dom.minidom
from pathlib import Path
from typing import Any

import pytest

import probe
from conftest import QUICK


SAMPLE = Path(__file__).parents[2] / "plots" / "sample" / "run.json"


@pytest.fixture(scope="module")
def found() -> probe.Comparison:
    return probe.compare({"math": math.hypot, "python": lambda a, b: a}, args=(3.0, 4.0), **QUICK)


def shown(found: probe.Comparison) -> Any:
    return [found, found.run, found["math"], found["python"]]


def test_html_is_self_contained_and_well_formed(found: probe.Comparison) -> None:
    for what in shown(found):
        text = what._repr_html_()
        document = xml.dom.minidom.parseString(text)
        assert document.getElementsByTagName("svg") and document.getElementsByTagName("table")
        for forbidden in ("script", "style", "link", "img", "iframe"):
            assert not document.getElementsByTagName(forbidden)
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert " on" not in {" " + a for e in document.getElementsByTagName("*") for a in e.attributes.keys() if a.startswith("on")}  # fmt: skip


def test_html_follows_the_theme(found: probe.Comparison) -> None:
    for what in shown(found):
        text = what._repr_html_()
        assert "background:transparent" in text and "<text" not in text
        assert "color:#" not in text.replace("background:#", "") and "white" not in text.replace(
            "white-space", ""
        )


def test_a_page_that_loses_its_svg_still_reads_well(found: probe.Comparison) -> None:
    """As in a notebook that is not trusted: no text is in the SVG, to be left behind in a heap."""
    for what in shown(found):
        document = xml.dom.minidom.parseString(what._repr_html_())
        for svg in document.getElementsByTagName("svg"):
            assert {e.tagName for e in svg.getElementsByTagName("*")} == {"rect"}
            assert not [n for n in svg.childNodes if n.nodeType == n.TEXT_NODE]


def test_several_interpreters_are_summed_up() -> None:
    """As the command does: a row each and what changed, the words only of what these leave out."""
    run = probe.load(SAMPLE)
    builds = len({cell.interpreter for cell in run.cells})
    workloads = list(dict.fromkeys(cell.name for cell in run.cells))
    assert builds > 1 and [row[0] for row in run.summary] == [w for w in workloads for _ in range(builds)]  # fmt: skip
    workload, interpreter, cheapest = run.summary[0][:3]
    assert workload == run.cells[0].name and interpreter == run.cells[0].interpreter
    assert cheapest.split()[0] in {cell.path for cell in run.cells}
    assert len(run.changes) == len(workloads) * (builds - 1)
    for text in (repr(run), run._repr_html_()):
        assert "cheapest" in text and interpreter in text
        assert "Pure Python takes" not in text.replace("\n", " ")
    xml.dom.minidom.parseString(run._repr_html_())
    assert len(run.verdicts) == len(run.summary) and not run._told


def test_hostile_names_are_escaped() -> None:
    name = "<script>alert(1)</script>\"'&"
    b = probe.measure(len, (), name=name, **QUICK)
    assert "<script" not in b._repr_html_() and b.name == name
    xml.dom.minidom.parseString(b._repr_html_())


def test_text_tells_what_html_tells(found: probe.Comparison) -> None:
    for what in shown(found):
        text, page = repr(what), what._repr_html_()
        cells = getattr(what, "run").cells if isinstance(what, probe.Comparison) else []
        for cell in cells:
            assert cell.total.text in text and cell.total.text in page
        for line in text.splitlines():
            assert len(line) <= 120


def test_figures_are_those_of_the_run_file(found: probe.Comparison, tmp_path: Any) -> None:
    path = tmp_path / "run.json"
    found.save(path)
    saved = json.loads(path.read_text())["probe"]
    hz = saved["counter"]["hz"]
    for cell, breakdown in zip(saved["cells"], found.run.cells):
        assert breakdown.total is not None
        assert breakdown.total.value == pytest.approx(cell["ladder"]["total"]["ticks"] / hz * 1e9)
        assert breakdown.total.low <= breakdown.total.value <= breakdown.total.high
    again = probe.load(path)
    assert repr(again.cells[0].total) == repr(found["math"].total)
    assert [cell.path for cell in again] == ["math", "python"]


def test_csv_and_dict(found: probe.Comparison, tmp_path: Any) -> None:
    text = found.to_csv(tmp_path / "run.csv")
    assert (tmp_path / "run.csv").read_text() == text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["path"] for row in rows} == {"math", "python"}
    assert json.loads(json.dumps(found.to_dict()))["cells"][0]["path"] == "math"


def test_pandas(found: probe.Comparison) -> None:
    pytest.importorskip("pandas")
    frame = found.to_pandas()
    assert set(frame["figure"]) >= {"total", "dispatch", "empty_call"}
    assert frame[frame["figure"] == "total"]["value"].min() > 0


def test_pandas_is_not_needed(found: probe.Comparison, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(probe.Missing, match="pip install pandas"):
        found.to_pandas()


def test_plots(found: probe.Comparison, tmp_path: Any) -> None:
    figure = found.plot(path=tmp_path / "figure.svg")
    xml.dom.minidom.parse(str(tmp_path / "figure.svg"))
    assert figure._repr_svg_() == (tmp_path / "figure.svg").read_text()


def test_absent_is_none(found: probe.Comparison) -> None:
    python = found["python"]
    assert python.dispatch is None and python.compute is None and python.closure is None
    assert set(python.subphases) == {
        "call", "marshal_in", "detach", "invoke", "compute", "attach", "marshal_out", "return",
        "callback", "python",
    }  # fmt: skip
    assert all(part is None for part in python.subphases.values())


def test_a_doctor_says_what_it_sees() -> None:
    d = probe.doctor(0.1)
    assert d.counter["kind"] and d.counter["why"] and d.facts["cpus_online"]
    assert "verdict" in repr(d) and "<pre" in d._repr_html_()
    json.dumps(d.to_dict())


def test_progress_is_told_on_a_terminal_only(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("probe._api_progress._AFTER_S", 0.0)
    probe.measure(len, (), rounds=10, passes=3)
    assert capsys.readouterr().err == ""
    probe.measure(math.sqrt, 2.0, rounds=10, passes=3, progress=True)
    told = capsys.readouterr().err
    assert "probe: " in told and "of 6" in told and told.endswith("\r")


def test_a_name_is_text(tmp_path: Any) -> None:
    """Nothing that a name holds drives the terminal, nor is calculated by a spreadsheet."""
    name = "=1+1\x1b[31m\u202e"

    def f(a: float) -> float:
        return a

    f.__name__ = f.__qualname__ = name
    found = probe.measure(f, 3.0, **QUICK)
    path = tmp_path / "run.json"
    found.save(path)
    for text in (repr(found), repr(probe.load(path)), repr(probe.load(path)[0])):
        assert "\x1b" not in text and "\u202e" not in text
        assert "=1+1\\x1b[31m\\u202e" in text
    fields = [row[0] for row in csv.reader(io.StringIO(found.to_csv()))][1:]
    assert fields and all(field.startswith("'=1+1\\x1b") for field in fields)
