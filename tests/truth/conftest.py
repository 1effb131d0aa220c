# SPDX-License-Identifier: MIT
"""Truth tests: probe must find what was put there, through the command and the run file."""

import json
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PROBE_BIN = (ROOT / os.environ.get("PROBE_BIN", "build/probe")).resolve()
HASH = "[0-9a-f]" * 8  # of a folder in the cache; a debug build's label begins as the plain one's
STEPS = 20000  # of the delays in tests/truth/workloads and bindings
ATTEMPTS = 6  # the machine is shared: a failure counts when it repeats
RETRY_S = 120.0  # for all tests together; after that, two attempts each
CONTENDED = 0.5  # above this share of contended rounds an attempt proves nothing either way

ENV = {
    **os.environ,
    "PROBE_WORKLOADS": str(HERE / "workloads"),
    "PROBE_BINDINGS": str(HERE / "bindings"),
}


def probe(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(PROBE_BIN), *args], env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def find_interpreters() -> List[Dict[str, Any]]:
    listed = json.loads(probe("list", "interpreters", "--json").stdout)
    return [i for i in listed["interpreters"] if i["headers"] and i["implementation"] == "cpython"]


INTERPRETERS_FOUND = find_interpreters()


def choose_interpreters() -> List[Dict[str, Any]]:
    """PROBE_TRUTH_PYTHONS: "all", or a list of parts of labels; by default the oldest and the
    newest."""
    wanted = os.environ.get("PROBE_TRUTH_PYTHONS", "")
    found = INTERPRETERS_FOUND
    if wanted == "all":
        return found
    if wanted:
        return [i for i in found if any(w in i["label"] for w in wanted.split(","))]
    minors: Dict[str, Dict[str, Any]] = {}
    for item in found:
        minors.setdefault(".".join(item["version"].split(".")[:2]), item)
    keys = list(minors)
    return [minors[k] for k in dict.fromkeys((keys[0], keys[-1]))] if keys else []


INTERPRETERS = choose_interpreters()

BASE = ["ctypes", "cffi-abi", "cffi-api", "capi-varargs", "capi-fastcall"]


def every_path() -> List[Any]:
    """All call paths that the tree has; those that take long to build are for test-all."""
    listed = json.loads(probe("list", "paths", "--json").stdout)["paths"]
    names = [p["name"] for p in listed]
    others = [n for n in names if n not in (*BASE, "python", "direct", "ctypes-from-param")]
    return [*BASE, *(pytest.param(name, marks=pytest.mark.slow) for name in others)]


PATHS = every_path()


@pytest.fixture(scope="session", params=INTERPRETERS, ids=lambda i: i["label"])
def interpreter(request: pytest.FixtureRequest) -> Dict[str, Any]:
    return request.param  # type: ignore[no-any-return]


class Figures:
    """One run's figures: three phases, parts and totals in ticks."""

    def __init__(self, run: Dict[str, Any]) -> None:
        self.cells = {(c["workload"], c["path"]): c for c in run["probe"]["cells"]}
        self.ticks_per_ns: float = run["probe"]["counter"]["hz"] * 1e-9
        for key, cell in self.cells.items():
            assert cell["status"] == "ok", (key, cell["status"], cell["reason"])

    def engine(self, workload: str, path: str, engine: str = "ladder") -> Dict[str, Any]:
        return self.cells[workload, path][engine]  # type: ignore[no-any-return]

    def phases(self, workload: str, path: str) -> Dict[str, float]:
        parts = self.engine(workload, path)["parts"]
        return {"+".join(p["subphases"]): p["value"]["ticks"] for p in parts}

    def part(self, workload: str, path: str, name: str) -> Dict[str, Any]:
        found = [
            p["value"]
            for p in self.engine(workload, path)["parts"]
            if "+".join(p["subphases"]) == name
        ]
        assert len(found) == 1, (workload, path, name)
        return found[0]  # type: ignore[no-any-return]

    def contended_share(self) -> float:
        engines = [c["ladder"] for c in self.cells.values()]
        rounds = sum(e["rounds"] for e in engines)
        return sum(e["rounds_contended"] for e in engines) / rounds if rounds else 1.0


shares: List[float] = []  # of the attempts of the test that runs
retried_s: List[float] = []  # what failed attempts have taken so far


def measure(
    tmp: Path, interpreter: Dict[str, Any], workloads: List[str], paths: str, *more: str
) -> Figures:
    out = tmp / "run.json"
    done = probe(
        "run", *workloads, "-p", paths, "-i", interpreter["label"],
        "--passes", "3", "-q", "-o", str(out), *more,
    )  # fmt: skip
    assert out.exists(), done.stderr
    document = json.loads(out.read_text())
    for cell in document["probe"]["cells"]:
        if cell["status"] in ("unavailable", "inapplicable"):
            pytest.skip("%s: %s" % (cell["path"], cell["reason"]))
    figures = Figures(document)
    shares.append(figures.contended_share())
    return figures


def believe(check: Callable[[], None]) -> None:
    """Passes when one of a few attempts does; what was seen in each is shown when none did. When a
    neighbour had the core in every one of them, nothing was shown: that skips, with the reason."""
    seen: List[str] = []
    shares.clear()
    for attempt in range(ATTEMPTS):
        begin = time.monotonic()
        try:
            return check()
        except AssertionError as e:
            seen.append(str(e))
        if attempt + 1 == ATTEMPTS or (attempt >= 1 and sum(retried_s) > RETRY_S):
            break
        time.sleep(2 * attempt)
        retried_s.append(time.monotonic() - begin)
    if shares and min(shares) > CONTENDED:
        pytest.skip(
            "contended throughout (%.0f %% of the rounds at best); last seen: %s"
            % (100 * min(shares), " ".join(seen[-1].split())[:200])
        )
    raise AssertionError("\n--- and again:\n".join(seen))


def delay_ticks(interpreter: Dict[str, Any], thunk: bool) -> float:
    """What the delay takes by itself, in this interpreter, just now."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "probe"
    # A switch that is set makes an interpreter of its own, but no build.
    executable = interpreter["executable"]
    build = next(i for i in INTERPRETERS_FOUND if i["executable"] == executable)
    modules = sorted(
        cache.glob("interpreters/%s-%s/ext-*/_probe.so" % (build["label"].split("#")[0], HASH)),
        key=lambda p: p.stat().st_mtime,
    )
    assert modules, "no _probe.so in the cache: a run must come first"
    code = "import _probe; print(_probe.spin_ticks(%d, 400, thunk=%s))" % (STEPS, thunk)
    done = subprocess.run(
        [executable, "-c", code],
        env={
            **os.environ,
            **dict(e.split("=", 1) for e in interpreter["environment"]),
            "PYTHONPATH": str(modules[-1].parent),
        },
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return statistics.median(json.loads(done.stdout))


PhaseMap = Dict[str, float]


def difference(delayed: PhaseMap, plain: PhaseMap) -> Tuple[List[str], PhaseMap]:
    assert delayed.keys() == plain.keys()
    return list(plain), {part: delayed[part] - plain[part] for part in plain}


def has_ctypes_built_in(interpreter: Dict[str, Any]) -> bool:
    """Then it calls libffi without a GOT: nothing can be put in between."""
    code = "import sys; sys.exit('_ctypes' not in sys.builtin_module_names)"
    return subprocess.run([interpreter["executable"], "-c", code]).returncode == 0


def part_with(interpreter: Dict[str, Any], phases: PhaseMap, name: str) -> str:
    """The part of that name; where `_ctypes` is built in, the one that it is merged into."""
    if name in phases or not has_ctypes_built_in(interpreter):
        return name
    wanted = set(name.split("+"))
    holding = [part for part in phases if wanted <= set(part.split("+"))]
    assert len(holding) == 1, (name, list(phases))
    return holding[0]
