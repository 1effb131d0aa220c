# SPDX-License-Identifier: MIT
"""probe compare and probe show, as a maintainer and a pipeline use them."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from conftest import ROOT, Probe

SAMPLE = ROOT / "plots" / "sample" / "run.json"


def changed(tmp_path: Path, **factors: float) -> Path:
    """The sample run with parts of ctypes' marshalling, or of every total, multiplied."""
    document: Dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    for cell in document["probe"]["cells"]:
        ladder = cell.get("ladder")
        if not ladder or cell["path"] != "ctypes":
            continue
        for part in ladder["folded"]:
            if set(part["subphases"]) == {"marshal_in", "marshal_out"}:
                more = part["value"]["ticks"] * (factors["marshalling"] - 1)
                part["value"]["ticks"] += more
                ladder["total"]["ticks"] += more
    out = tmp_path / "changed.json"
    out.write_text(json.dumps(document), encoding="utf-8")
    return out


def test_the_same_run_is_no_change(probe: Probe) -> None:
    done = probe("compare", SAMPLE, SAMPLE, "--fail-above", "1%")
    assert done.code == 0, done.err
    assert "slower" not in done.out.split("significant:")[0]
    assert "Geometric mean of B over A: 1.000" in done.out


def test_a_slower_phase_is_named_and_fails_the_gate(probe: Probe, tmp_path: Path) -> None:
    worse = changed(tmp_path, marshalling=1.3)
    markdown = tmp_path / "pr.md"
    done = probe("compare", SAMPLE, worse, "--fail-above=5%", "--export-markdown", markdown)
    done.one_error(4, "slower by", "--fail-above")
    assert "slower: marshalling +" in done.out
    assert "**" in markdown.read_text(encoding="utf-8")
    allowed = probe("compare", SAMPLE, worse, "--fail-above=90%")
    assert allowed.code == 0, allowed.err


def test_a_call_that_broke_does_not_pass_the_gate(probe: Probe, tmp_path: Path) -> None:
    document: Dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    cell = next(c for c in document["probe"]["cells"] if c.get("ladder"))
    cell.update(status="crashed", reason="signal 11")
    del cell["ladder"]
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(document), encoding="utf-8")
    done = probe("compare", SAMPLE, broken, "--fail-above=5%")
    done.one_error(3, "measured in A, crashed in B: signal 11", cell["path"])
    assert probe("compare", SAMPLE, broken).code == 0


def without(tmp_path: Path, name: str, change: Callable[[List[Dict[str, Any]]], None]) -> Path:
    """The sample run after a change of its cells."""
    document: Dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    change(document["probe"]["cells"])
    path = tmp_path / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_call_that_is_missing_does_not_pass_the_gate(probe: Probe, tmp_path: Path) -> None:
    fewer = without(tmp_path, "fewer.json", lambda cells: cells.__delitem__(slice(0, 3)))
    first = json.loads(SAMPLE.read_text(encoding="utf-8"))["probe"]["cells"][0]
    done = probe("compare", SAMPLE, fewer, "--fail-above=5%")
    done.one_error(3, "measured in A, missing in B", "and others", "--allow-missing", first["path"])
    assert probe("compare", SAMPLE, fewer, "--fail-above=5%", "--allow-missing").code == 0
    # What B has besides is no loss.
    assert probe("compare", fewer, SAMPLE, "--fail-above=5%").code == 0


def test_a_slower_call_that_was_contended_does_not_pass_the_gate(
    probe: Probe, tmp_path: Path
) -> None:
    def contend(cells: List[Dict[str, Any]], factor: float) -> None:
        ladder = next(c["ladder"] for c in cells if c["path"] == "ctypes" and c.get("ladder"))
        ladder["contended"] = True
        ladder["total"]["ticks"] *= factor

    slower = without(tmp_path, "slower.json", lambda cells: contend(cells, 1.5))
    done = probe("compare", SAMPLE, slower, "--fail-above=5%")
    done.one_error(3, "slower in B and contended", "ctypes")
    assert probe("compare", SAMPLE, slower, "--fail-above=60%").code == 0
    assert probe("compare", SAMPLE, slower, "--fail-above=5%", "--allow-missing").code == 0
    alike = without(tmp_path, "alike.json", lambda cells: contend(cells, 1.0))
    assert probe("compare", SAMPLE, alike, "--fail-above=5%").code == 0


@pytest.mark.parametrize(
    "args, words",
    [
        ([SAMPLE], ["two run files"]),
        ([SAMPLE, SAMPLE, "--band", "-1"], ["--band"]),
        ([SAMPLE, SAMPLE, "--fail-above", "much"], ["--fail-above"]),
        ([SAMPLE, SAMPLE, "--nonsense"], ["--nonsense"]),
    ],
)
def test_wrong_use(probe: Probe, args: Any, words: Any) -> None:
    probe("compare", *args).one_error(2, *words)


def test_files_that_are_no_run(probe: Probe, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.json"
    foreign.write_text('{"benchmarks": []}', encoding="utf-8")
    probe("compare", SAMPLE, tmp_path / "missing.json").one_error(1, "missing.json")
    probe("compare", foreign, SAMPLE).one_error(1, "foreign.json")
    out = tmp_path / "no" / "folder.md"
    probe("compare", SAMPLE, SAMPLE, "--export-markdown", out).one_error(1, "folder.md")


def test_show_prints_the_table_again(probe: Probe) -> None:
    done = probe("show", SAMPLE)
    assert "speedup" in done.out and "ctypes" in done.out
    assert done.code in (0, 3)
    eight = probe("show", SAMPLE, "--phases", "8")
    assert eight.out != done.out
    some = probe("show", SAMPLE, "-i", "3.13", "-p", "ctypes")
    heads = [line.split()[0] for line in some.out.splitlines() if line.startswith("cpython-")]
    assert heads == ["cpython-3.13.0"]
    probe("show").one_error(2, "one run file")
    probe("show", SAMPLE, "--phases", "4").one_error(2, "3 or 8")
