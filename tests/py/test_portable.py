# SPDX-License-Identifier: MIT
"""The portable core, which measures where there are no CPython objects: what it answers, that its
loops make the calls they say, and that on CPython it finds what the extension finds.
"""

import json
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from building import Build, described
from conftest import PROBE_BIN, ROOT, Probe

EXT = ROOT / "ext" / "probe"
SCRIPT = Path(__file__).parent / "portable_calls.py"
EMPTY, TARGET, REAL, PYCALL, CALLBACK_STUB, FENCED, FENCED_TARGET = 0, 3, 4, 6, 8, 10, 11
ATTEMPTS = 4  # the machine is shared

COUNTED = """\
static unsigned long long reached;
int pb_counted(int a, int b);
int pb_counted(int a, int b) { reached++; return a + b; }
unsigned long long pb_reached(void);
unsigned long long pb_reached(void) { return reached; }
"""


@pytest.fixture(params=[pytest.param(n, marks=pytest.mark.slow) for n in ("pypy", "graalpy")])
def others(request: pytest.FixtureRequest) -> List[str]:
    """The programs of each PyPy, or each GraalPy, that is found."""
    command = [str(PROBE_BIN), "list", "interpreters", "--json", "-i", request.param]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if run.returncode:
        pytest.skip("there is no %s: make interpreters" % request.param)
    return [i["executable"] for i in json.loads(run.stdout)["interpreters"]]


def count(python: str, build: Build, tmp_path: Path, *mode: str) -> Dict[str, Any]:
    """One run of portable_calls.py on that interpreter."""
    source = tmp_path / "counted.c"
    source.write_text(COUNTED)
    kernel, veneer = tmp_path / "kernel.so", tmp_path / "veneer.so"
    assembly = ROOT / "libprobe/src/hook/arch" / platform.machine() / "veneer.S"
    flags = ["cc", "-O2", "-fPIC", "-shared", "-o"]
    subprocess.run([*flags, str(kernel), str(source)], check=True)
    name = "-DPROBE_VENEER_NAME=pb_counted"
    subprocess.run([*flags, str(veneer), name, str(assembly)], check=True)
    command = [python, str(SCRIPT), str(EXT), build.spec([], []), str(kernel), str(veneer), *mode]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=600, check=True, text=True)
    answer: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def expect_every_call(answer: Dict[str, Any]) -> None:
    assert answer.get("error") is None
    assert answer["called"] > 1000
    assert answer["reached"] == answer["called"]
    assert answer["counted"] >= 4000
    assert answer["columns"] == [EMPTY, TARGET, REAL, FENCED, FENCED_TARGET]


def test_every_call_of_every_loop_is_made(python: str, cache: Path, tmp_path: Path) -> None:
    expect_every_call(count(python, Build(python, cache / "probe"), tmp_path))


def test_calls_that_are_taken_out_are_noticed(python: str, cache: Path, tmp_path: Path) -> None:
    answer = count(python, Build(python, cache / "probe"), tmp_path, "lazy")
    assert "took calls out of the timed loop" in answer["error"]


def test_no_compiler_takes_a_call_out(others: List[str], cache: Path, tmp_path: Path) -> None:
    for other in others:
        expect_every_call(count(other, Build(other, cache / "probe"), tmp_path))


class Cell:
    """_cell.py on this interpreter, with the extension or with the portable core."""

    def __init__(self, python: str, cache: Path, tmp_path: Path) -> None:
        self.python, self.tmp_path = python, tmp_path
        self.build = Build(python, cache / "probe")
        code = "import json, sys; sys.path.insert(0, sys.argv[1]); import _build\n" + (
            "print(_build.Builder(json.load(open(sys.argv[2]))).portable()['dir'])"
        )
        command = [python, "-c", code, str(EXT), self.build.spec([], [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        self.portable = done.stdout.strip()

    def __call__(
        self, path: str, name: str, core: Optional[str] = None, **changes: Any
    ) -> Dict[str, Any]:
        built = self.build([path], [name]).answer
        bindings, workloads = ROOT / "workloads" / "bindings", ROOT / "workloads"
        binding = built["bindings"].get(path, {}).get(name, {})
        spec = {
            "home": str(ROOT), "ext": core or self.portable, "engine": "ladder",
            "workload": described(str(workloads / name), "workload.json"),
            "workload_name": name, "workload_dir": str(workloads / name),
            "path": described(str(bindings / path), "path.json"), "path_dir": str(bindings / path),
            "artifact": binding.get("dir"), "twin": None,
            "kernel": built["kernels"].get(name), "rounds": 40, "round_us": 100.0,
            "wait_s": 0.2, "quiet_ratio": 0.0, "seed": 1, "cpu": -1, "variant": None, **changes,
        }  # fmt: skip
        file, out = self.tmp_path / "cell.json", self.tmp_path / "answer.json"
        file.write_text(json.dumps(spec))
        line = 'exec 3>"$1"; exec "$2" "$3" "$4"'
        command = ["sh", "-c", line, "sh", out, self.python, EXT / "_cell.py", file]
        subprocess.run([str(c) for c in command], check=True, timeout=300)
        answer: Dict[str, Any] = json.loads(out.read_text())
        return {**answer, "built": built}


@pytest.fixture
def cell(python: str, cache: Path, tmp_path: Path) -> Cell:
    return Cell(python, cache, tmp_path)


def ticks(answer: Dict[str, Any], rung: int) -> float:
    column = answer["columns"].index(rung)
    found = sorted(r[column] for r in answer["rounds"] if r[column] is not None)
    return float(found[len(found) // 4])


@pytest.mark.parametrize(
    "path, workload, rungs",
    [
        ("python", "add", [EMPTY, REAL, PYCALL]),
        ("ctypes", "add", [EMPTY, TARGET, REAL, FENCED, FENCED_TARGET]),
        ("ctypes", "struct", [EMPTY, TARGET, REAL, FENCED, FENCED_TARGET]),
        ("ctypes", "callback", [EMPTY, TARGET, REAL, CALLBACK_STUB]),
    ],
)
def test_the_rungs_that_need_no_hook(
    cell: Cell, path: str, workload: str, rungs: List[int]
) -> None:
    answer = cell(path, workload)
    assert answer["status"] == "ok", answer
    assert answer["columns"] == rungs
    assert {len(r) for r in answer["rounds"]} == {2 * len(rungs) + 3}
    assert answer["counter"]["hz"] > 0 and answer["counter"]["unit"]
    if path == "ctypes":  # what the path has at all, so that the merged part claims it
        assert answer["subphases"] & 0xFF == 0xFF


def test_a_wrong_result_is_told(cell: Cell) -> None:
    workload = described(str(ROOT / "workloads" / "add"), "workload.json")
    del workload["python"]
    answer = cell("ctypes", "add", workload={**workload, "expected": 4})
    assert answer["status"] == "failed"
    assert "wrong result: 5 through ctypes, 4 expected" in answer["reason"]


def test_what_raises_is_told(cell: Cell) -> None:
    workload = described(str(ROOT / "workloads" / "add"), "workload.json")
    del workload["python"]
    answer = cell("ctypes", "add", workload={**workload, "args": ["no", "number"]})
    assert answer["status"] == "failed" and "ArgumentError" in answer["reason"]


def test_it_agrees_with_the_extension(cell: Cell) -> None:
    """The same call by both, one after the other, until two of them had the machine alike."""
    seen: List[Tuple[float, float]] = []
    for _ in range(ATTEMPTS):
        mine = cell("ctypes", "add")
        theirs = cell("ctypes", "add", core=mine["built"]["ext"])
        totals = [ticks(a, REAL) - ticks(a, EMPTY) for a in (mine, theirs)]
        seen.append((totals[0], totals[1]))
        # The loops around the call differ, and with them what the processor overlaps.
        if 0.8 < totals[0] / totals[1] < 1.25:
            return
    raise AssertionError(seen)


def test_a_run_on_another_implementation(others: List[str], probe: Probe, tmp_path: Path) -> None:
    """Two phases for what has a seam, an honest line for what can't be, and no timeline."""
    out = tmp_path / "run.json"
    done = probe(
        "run", "add", "-p", "python,ctypes,ctypes-untyped", "-i", ",".join(others),
        "--engine", "ladder,timeline", "--fast", "--passes", "1", "-q", "-o", out,
        timeout_s=900,
    )  # fmt: skip
    assert done.code == 0, done.err
    for cell in json.loads(out.read_text())["probe"]["cells"]:
        assert cell["status"] == "ok", cell
        if cell["path"] == "python":
            continue
        masks = ["+".join(p["subphases"]) for p in cell["ladder"]["parts"]]
        merged = "call+marshal_in+detach+invoke+attach+marshal_out+return"
        assert masks == [merged, "compute"], masks
        assert cell["timeline"] is None
        assert any("no timeline" in w for w in cell["warnings"])


def test_without_a_compiler_it_says_so(python: str, tmp_path: Path) -> None:
    build = Build(python, tmp_path / "cache")
    code = "import json, sys; sys.path.insert(0, sys.argv[1]); import _build\n" + (
        "print(_build.attempt(_build.Builder(json.load(open(sys.argv[2]))).portable)['error'])"
    )
    command = [python, "-c", code, str(EXT), build.spec([], [], cc="no-such-cc")]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    assert "no-such-cc" in done.stdout and shutil.which("no-such-cc") is None
