# SPDX-License-Identifier: MIT
"""Published claims: the table and what measures for it fit together, and the page is written."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import PROBE_BIN, ROOT

TABLE = ROOT / "tests" / "bench" / "claims.json"
SAMPLE = ROOT / "plots" / "sample" / "run.json"
Json = Dict[str, Any]


def table() -> Json:
    found: Json = json.loads(TABLE.read_text(encoding="utf-8"))
    return found


def driver() -> Any:
    spec = importlib.util.spec_from_file_location("claims", str(TABLE.with_suffix(".py")))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(claims: Path, out: Path, *runs: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(PROBE_BIN), "report", *map(str, runs), "--claims", str(claims), "-o", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


def names(kind: str) -> List[str]:
    listed = subprocess.run(
        [str(PROBE_BIN), "list", kind, "--json"], stdout=subprocess.PIPE, check=True
    )
    return [str(item["name"]) for item in json.loads(listed.stdout)[kind]]


def test_what_is_measured_exists() -> None:
    paths, workloads = names("paths"), names("workloads")
    for run in table()["runs"]:
        assert {path.split("+")[0] for path in run["paths"]} <= set(paths), run["name"]
        for name in run["workloads"]:
            assert name in workloads or name.rsplit(":", 1)[0] in workloads, name


def test_each_claim_is_about_what_is_measured() -> None:
    runs = table()["runs"]
    for claim in table()["claims"]:
        if "untestable" in claim:
            continue
        figure = claim["figure"]
        terms = {figure[term]["path"] for term in ("numerator", "denominator")}
        for workload in figure["workloads"]:
            assert any(
                figure.get("run", run["name"]) == run["name"]
                and workload in run["workloads"]
                and terms <= set(run["paths"])
                for run in runs
            ), (claim["id"], workload)


def small_claim(low: float, high: float) -> Json:
    """About a ratio of the sample run that is near 1 by its nature: a path over itself."""
    cell = json.loads(SAMPLE.read_text(encoding="utf-8"))["probe"]["cells"]
    ok = next(c for c in cell if c["status"] == "ok" and not c["ladder"]["contended"])
    term = {"path": ok["path"]}
    return {
        "id": "self",
        "title": "A path costs what it costs",
        "claim": "It <does> | so.",
        "source": "logic",
        "published": "1x",
        "measures": "a path over itself",
        "figure": {"workloads": [ok["workload"]], "numerator": term, "denominator": term},
        "between": [low, high],
        "in": "any",
    }


@pytest.mark.parametrize(
    "low, high, verdict", [(0.1, 9.0, "confirmed"), (5.0, 9.0, "refuted"), (1.0, 9.0, "undecided")]
)
def test_the_verdict_is_on_the_page(tmp_path: Path, low: float, high: float, verdict: str) -> None:
    claims = tmp_path / "claims.json"
    claims.write_text(json.dumps({"claims": [small_claim(low, high)]}), encoding="utf-8")
    for suffix in ("md", "html", "tex"):
        page = tmp_path / ("claims." + suffix)
        done = report(claims, page, SAMPLE)
        assert done.returncode == 0, done.stderr
        text = page.read_text(encoding="utf-8")
        assert "A path costs what it costs" in text
        assert verdict in text
    html = (tmp_path / "claims.html").read_text(encoding="utf-8")
    assert "It &lt;does&gt; | so." in html
    assert "<script" not in html and not re.search(r"(?:src|href)=[\"']?http", html)


def test_the_table_of_the_tree_is_judged(tmp_path: Path) -> None:
    page = tmp_path / "claims.md"
    done = report(TABLE, page, SAMPLE)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    for claim in table()["claims"]:
        assert "\n### %s\n" % claim["title"] in text
    assert "probe measures calls, not compilers" in text


@pytest.mark.parametrize(
    "content, told",
    [
        ("{", "line 1"),
        ('{"claims": []}', 'no list "claims"'),
        ('{"claims": [{"id": "a"}]}', 'claim 1 (a): "title" must be a text'),
    ],
)
def test_a_bad_table_is_told_in_a_line(tmp_path: Path, content: str, told: str) -> None:
    claims, page = tmp_path / "bad.json", tmp_path / "claims.md"
    claims.write_text(content, encoding="utf-8")
    done = report(claims, page, SAMPLE)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and told in done.stderr and "bad.json" in done.stderr
    assert not page.exists()


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    done = report(tmp_path / "none.json", tmp_path / "claims.md", SAMPLE)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "none.json" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_interpreters_are_chosen_by_their_facts() -> None:
    found = [
        {"label": "a", "version": "3.11.2", "jit": False},
        {"label": "b", "version": "3.11.7", "jit": False},
        {"label": "c", "version": "3.1.4", "jit": False},
        {"label": "d", "version": "3.13.0", "jit": True},
    ]

    def labels(*wanted: Json) -> List[str]:
        return [str(i["label"]) for i in driver().chosen({"interpreters": wanted}, found)]

    assert labels({}) == ["a", "b", "c", "d"]
    assert labels({"jit": [False]}) == ["a", "b", "c"]
    assert labels({"one_of_each": ["3.11", "3.13", "3.15"]}) == ["a", "d"]
    assert labels({"jit": [False], "one_of_each": ["3.1"]}) == ["c"]
    assert labels({"jit": [True]}, {"one_of_each": ["3.11"]}) == ["a", "d"]
    assert labels({"jit": [True], "version": ["3.11.2"]}) == []


def test_redrawing_measures_nothing(tmp_path: Path) -> None:
    def redraw() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["python3", str(TABLE.with_suffix(".py")), "--build", str(PROBE_BIN.parent)]
            + ["--redraw", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )

    done = redraw()
    assert done.returncode == 1 and "no run file" in done.stderr
    (tmp_path / "fib.json").write_bytes(SAMPLE.read_bytes())
    done = redraw()
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "claims.html",
        "claims.md",
        "fib.json",
    ]
