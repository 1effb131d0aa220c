# SPDX-License-Identifier: MIT
"""`probe run --subinterpreters`: rows of their own, measured where they say, or refused in the
binding's own words."""

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from conftest import Probe, cells
from test_interpreters import QUICK, facts, log_of, script, the_interpreters

Cells = Dict[Tuple[str, str], Dict[str, Any]]


def by_row(run_file: Path) -> Cells:
    """Cells by (path, interpreter)."""
    run = json.loads(run_file.read_text())["probe"]
    return {(c["path"], c["interpreter"]): c for c in run["cells"]}


def version_of(interpreter: Dict[str, Any]) -> Tuple[int, ...]:
    return tuple(int(n) for n in interpreter["version"].split(".")[:2])


def with_own_gils(probe: Probe) -> List[Dict[str, Any]]:
    listed = probe("list", "interpreters", "--json", "-i", "cpython").out
    found = json.loads(listed)["interpreters"]
    return [p for p in found if version_of(p) >= (3, 12) and p["headers"]]


@pytest.fixture
def recent(probe: Probe) -> str:
    found = with_own_gils(probe)
    if not found:
        pytest.skip("no CPython from 3.12 with headers is here")
    return str(found[0]["executable"])


@pytest.fixture
def claims_313(python: str, tmp_path: Path) -> Path:
    """An interpreter that says it is 3.13, for drivers that are made up."""
    answer = {**facts(python), "version": "3.13.0", "label": "cpython-3.13.0", "missing": None}
    body = "echo '%s'" % json.dumps(answer).replace("'", "")
    return script(tmp_path / "three" / "python3.13", body)


def claims_38(python: str, folder: Path) -> Path:
    answer = {**facts(python), "version": "3.8.1", "label": "cpython-3.8.1", "executable": "/x"}
    return script(folder / "python3.8", "echo '%s'" % json.dumps(answer).replace("'", ""))


# --- rows ----------------------------------------------------------------------------------------


def test_each_is_a_row_behind_its_interpreter(
    fake: Probe, claims_313: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run.json"
    choice = "%s,%s+FAKE_SWITCH=on" % (claims_313, claims_313)
    command = ["run", "add", "-p", "good", "-i", choice, "--subinterpreters", "3", *QUICK]
    done = fake(*command, "-o", out, FAKE_STATE=str(tmp_path))
    assert done.code == 0, done.err
    found = the_interpreters(out)
    switched = "cpython-3.13.0+FAKE_SWITCH=on"
    labels = ["cpython-3.13.0", "cpython-3.13.0-sub3", switched, switched + "-sub3"]
    assert [p["label"] for p in found] == labels
    assert [p["subinterpreters"] for p in found] == [0, 3, 0, 3]
    assert found[3]["environment"] == ["FAKE_SWITCH=on"]
    assert found[1]["executable"] == found[0]["executable"]
    heads = [line.split()[0] for line in done.out.splitlines() if line.startswith("cpython-")]
    assert heads == labels
    asked = {(e["subinterpreters"], e["switches"][0]) for e in log_of(tmp_path)}
    assert asked == {(0, None), (3, None), (0, "on"), (3, "on")}
    metadata = [b["metadata"] for b in json.loads(out.read_text())["benchmarks"]]
    assert {m.get("python_subinterpreters") for m in metadata} == {None, 3}
    assert done.out.count("in the last of 3 sub-interpreters") == 2
    assert fake("show", out).out == done.out


def test_who_has_none_is_named(fake: Probe, python: str, claims_313: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    old = claims_38(python, tmp_path)
    choice = "%s,%s" % (old, claims_313)
    done = fake(
        "run", "add", "-p", "good", "-i", choice, "--subinterpreters", "1", *QUICK, "-o", out
    )
    run = json.loads(out.read_text())["probe"]
    assert [p["label"] for p in run["interpreters"]] == [
        "cpython-3.8.1",
        "cpython-3.13.0",
        "cpython-3.13.0-sub1",
    ]
    assert run["warnings"] == [
        "cpython-3.8.1: no sub-interpreter there has a GIL of its own; CPython's have, from 3.12"
    ]
    assert done.code == 3  # /x, which it says it is, can't be started


def test_nobody_has_any(fake: Probe, python: str, tmp_path: Path) -> None:
    old = claims_38(python, tmp_path)
    done = fake("run", "add", "-p", "good", "-i", old, "--subinterpreters", "1", *QUICK)
    done.one_error(2, "--subinterpreters: none of the chosen interpreters", "from 3.12")


@pytest.mark.parametrize("n", ["0", "65", "-1", "many"])
def test_how_many(fake: Probe, n: str) -> None:
    fake("run", "add", "--subinterpreters", n).one_error(2, "--subinterpreters", "from 1 to 64")


# --- inside --------------------------------------------------------------------------------------

WHERE = """
import json, os
try:
    import _interpreters as I
    config = I.get_config(I.get_current()[0])
    main = I.get_current()[0] == I.get_main()[0]
    gil = config.gil
except ImportError:
    import _xxsubinterpreters as I
    main = I.get_current() == I.get_main()
    gil = "own"
"""

BINDINGS = {
    # Tells where it is loaded, in sub-interpreters alone.
    "where": "if not main:\n    raise ImportError('here with its %s GIL' % gil)\n",
    # Nowhere.
    "nowhere": "raise ImportError('no such library')\n",
    # As PyO3's and Cython's modules: once in a process.
    "once": "mark = os.path.join(FOLDER, 'loaded-%d' % os.getpid())\n"
    "if os.path.exists(mark):\n    raise ImportError('once in a process')\n"
    "open(mark, 'w').close()\n",
    # What is wrong has nothing to do with where it is.
    "broken": "raise ValueError('broken')\n",
}


@pytest.fixture
def bindings(probe: Probe, tmp_path: Path) -> Path:
    for name, body in BINDINGS.items():
        folder = tmp_path / "bindings" / name
        folder.mkdir(parents=True)
        path = {
            "name": name,
            "order": 600,
            "summary": "a made-up binding",
            "compiler": False,
            "layers": [],
        }
        (folder / "path.json").write_text(json.dumps(path))
        load = (
            "def load(prototype, artifact, library, options):\n" "    return lambda a, b: a + b\n"
        )
        text = WHERE + "FOLDER = %r\n" % str(tmp_path) + body + load
        (folder / "binding.py").write_text(text)
    probe.env["PROBE_BINDINGS"] = str(tmp_path / "bindings")
    return tmp_path


def test_refused_in_its_own_words(probe: Probe, recent: str, bindings: Path) -> None:
    out = bindings / "run.json"
    paths = "python,where,nowhere,once,broken"
    command = ["run", "add", "-p", paths, "-i", recent, "--subinterpreters", "2"]
    done = probe(*command, *QUICK, "-o", out)
    rows = by_row(out)
    labels = [p["label"] for p in the_interpreters(out)]
    told = {
        path: [(rows[path, label]["status"], rows[path, label]["reason"]) for label in labels]
        for path in paths.split(",")
    }
    assert told["python"] == [("ok", None), ("ok", None)]
    why = "in sub-interpreter 1 of 2: ImportError: here with its own GIL"
    assert told["where"] == [("ok", None), ("inapplicable", why)]
    assert told["nowhere"] == [
        ("failed", "ImportError: no such library"),
        ("failed", "in sub-interpreter 1 of 2: ImportError: no such library"),
    ]
    why = "in sub-interpreter 2 of 2: ImportError: once in a process"
    assert told["once"][1] == ("inapplicable", why)
    assert [status for status, _ in told["broken"]] == ["failed", "failed"]
    assert told["broken"][1][1] == "in sub-interpreter 1 of 2: ValueError: broken"
    assert done.code == 3 and "once" not in done.err and "nowhere" in done.err


def test_the_split_inside_one(probe: Probe, recent: str, tmp_path: Path) -> None:
    """The same parts as in the main interpreter, and the same size of a total."""
    out = tmp_path / "run.json"
    paths = ["python", "capi-varargs", "ctypes"]
    command = ["run", "add", "-p", ",".join(paths), "-i", recent, "--subinterpreters", "1"]
    done = probe(*command, "--phases", "8", "--fast", "--passes", "1", "-o", out)
    assert done.code == 0, done.err
    rows, (main, sub) = by_row(out), the_interpreters(out)
    assert sub["label"] == main["label"] + "-sub1"
    for path in paths:
        inside, outside = rows[path, sub["label"]], rows[path, main["label"]]
        if path == "ctypes" and version_of(main) < (3, 13):
            assert "module _ctypes does not support loading" in inside["reason"]
            continue
        assert inside["status"] == outside["status"] == "ok"
        for engine in ("ladder", "timeline"):
            names = [
                [p["subphases"] for p in (c[engine] or {"parts": []})["parts"]]
                for c in (inside, outside)
            ]
            assert names[0] == names[1] and (path == "python" or len(names[0]) >= 3)
        ratio = inside["ladder"]["total"]["ticks"] / outside["ladder"]["total"]["ticks"]
        assert 0.4 < ratio < 2.5, (path, ratio)


@pytest.mark.slow
def test_isolated_says_what_happens(probe: Probe, tmp_path: Path) -> None:
    """Each binding that can be built here, on each CPython that has such sub-interpreters."""
    listed = json.loads(probe("list", "paths", "--json").out)["paths"]
    isolated = {p["name"]: p["choosing"]["isolated"] for p in listed if p["name"] != "direct"}
    one_of_each = {version_of(p): p for p in with_own_gils(probe) if not p["debug"]}
    if not one_of_each:
        pytest.skip("no CPython from 3.12 with headers is here")
    tried, wrong = 0, []
    for p in one_of_each.values():
        out = tmp_path / ("%s.json" % p["label"])
        choice = ["-p", ",".join(isolated), "-i", p["executable"], "--subinterpreters", "1"]
        probe("run", "fib", *choice, *QUICK, "--timeout", "300", "-o", out, timeout_s=3000)
        rows = by_row(out)
        for name, word in isolated.items():
            outside = rows[name, p["label"]]
            inside = rows[name, p["label"] + "-sub1"]
            if outside["status"] != "ok":
                continue  # can't be built here: its own row says so
            since = re.match(r"since (\d+)\.(\d+)", word)
            if since:
                expected = version_of(p) >= tuple(int(n) for n in since.groups())
            else:
                assert re.match(r"(yes|no)\b", word), (name, word)
                expected = word.startswith("yes")
            if inside["status"] != ("ok" if expected else "inapplicable"):
                wrong.append((p["label"], name, word, inside["status"], inside["reason"]))
            tried += 1
    assert not wrong
    assert tried >= 6 * len(one_of_each)
