# SPDX-License-Identifier: MIT
"""The package and the command find the same; needs the command ($PROBE_COMMAND)."""

import json
import os
import subprocess
import sys
from typing import Any, Dict, Tuple

import pytest

import probe

COMMAND = os.environ.get("PROBE_COMMAND")
pytestmark = pytest.mark.skipif(not COMMAND, reason="PROBE_COMMAND names no command")

DATA = b"0123456789abcdef" * 20
# Arguments that are made as the command makes its own: free-threaded builds count no references of
# a program's constants.
HYPOT = """
import ctypes
f, args = ctypes.CDLL("libm.so.6").hypot, (float("3"), float("4"))
f.argtypes, f.restype = [ctypes.c_double, ctypes.c_double], ctypes.c_double
options = {}
"""
CRC32 = """
import zlib
f, args, options = zlib.crc32, (bytes(list(%r)),), {"target": "libz.so.1:crc32"}
""" % DATA
MEASURE = """
import json, probe
b = probe.measure(f, *args, rounds=50, passes=1, progress=False, **options)
rows = {part.name: part.value for part in b.parts}
rows["total"] = b.total
print(json.dumps([b.contended, {name: v.interval for name, v in rows.items()}]))
"""

Ranges = Dict[str, Tuple[float, float]]


def of_the_command(kind: str) -> probe.Run:
    """One pass of the command; a test is skipped where it can't measure this."""
    options: Dict[str, Any] = {"interpreters": sys.executable, "preset": "fast", "passes": 1}
    options["progress"] = False
    if kind == "crc32":
        options.update(args=repr(DATA), target="libz.so.1:crc32")
        run = probe.run("zlib:crc32", **options)
    else:
        options.update(args="3.0, 4.0", paths="ctypes")
        run = probe.run("libm.so.6", "double hypot(double x, double y)", **options)
    if run.cells[0].status != "ok":
        pytest.skip(str(run.cells[0].reason))
    return run


def of_the_package(kind: str) -> Tuple[bool, Ranges]:
    """probe.measure() in a process of its own, as the command's passes have theirs."""
    script = (CRC32 if kind == "crc32" else HYPOT) + MEASURE
    told = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    contended, rows = json.loads(told.stdout)
    return contended, rows


def widen(ranges: Ranges, rows: Ranges) -> None:
    """A process's interval does not know the layout of another: several have one together."""
    assert not ranges or list(ranges) == list(rows)  # the same parts, each time
    for name, (low, high) in rows.items():
        old = ranges.get(name, (low, high))
        ranges[name] = min(old[0], low), max(old[1], high)


def apart(a: Tuple[float, float], b: Tuple[float, float], tick_ns: float) -> bool:
    """Whether they are further apart than runs of the command repeat: 3 ticks, or 1 %."""
    slack_ns = max(3 * tick_ns, 0.01 * max(a[1], b[1]))
    return a[0] > b[1] + slack_ns or b[0] > a[1] + slack_ns


@pytest.mark.parametrize("kind", ["hypot", "crc32"])
def test_they_split_alike_and_agree(kind: str) -> None:
    """The same call, measured by turns, each time in new processes: the same phases, with intervals
    that meet."""
    ours: Ranges = {}
    theirs: Ranges = {}
    noisy, wrong = False, [""]
    for turn in range(5):
        cell = of_the_command(kind).cells[0]
        contended, rows = of_the_package(kind)
        noisy = noisy or contended or cell.contended
        assert cell.total is not None
        found = {part.name: part.value.interval for part in cell.parts}
        widen(theirs, dict(found, total=cell.total.interval))
        widen(ours, rows)
        assert list(ours) == list(theirs)
        wrong = [
            "%s: measure() %s, the command %s" % (name, ours[name], theirs[name])
            for name in ours
            if apart(ours[name], theirs[name], 1e9 / cell.counter["hz"])
        ]
        if turn and not wrong:
            return
    if noisy:
        pytest.skip("never quiet: %s" % "; ".join(wrong))
    pytest.fail("; ".join(wrong))


@pytest.fixture(scope="module")
def a_run() -> probe.Run:
    return probe.run(
        "add", paths="ctypes", interpreters=sys.executable, passes=1, preset="fast", progress=False
    )


def test_a_loaded_run_is_the_same_run(a_run: probe.Run, tmp_path: Any) -> None:
    a_run.save(tmp_path / "again.json")
    again = probe.load(tmp_path / "again.json")
    assert again.to_dict() == a_run.to_dict()
    assert repr(again) == repr(a_run)


def test_plots_of_the_command(a_run: probe.Run) -> None:
    try:
        figure = a_run.plot("breakdown")
    except probe.MeasuringFailed as e:
        pytest.skip(str(e))  # no gnuplot
    assert "<svg" in figure.svg
    with pytest.raises(probe.BadOption):
        a_run.plot("pie")


def test_wrong_use_is_the_commands_own_words() -> None:
    with pytest.raises(probe.BadOption, match="nosuchworkload"):
        probe.run("nosuchworkload", interpreters=sys.executable)
    with pytest.raises(probe.BadOption):
        probe.run("add", preset="slow")


# --- values from Python are values ------------------------------------------------------------------

HOSTILE = "--plot=x.svg"
RECORDING = """#!%s
import json, sys
json.dump(sys.argv[1:], open(%r, "w"))
sys.exit(2)
"""


@pytest.fixture
def told(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls probe.run() with a command in place that only notes what it was given."""
    noted = tmp_path / "argv.json"
    fake = tmp_path / "probe"
    fake.write_text(RECORDING % (sys.executable, str(noted)))
    fake.chmod(0o755)
    monkeypatch.setenv("PROBE_COMMAND", str(fake))

    def call(*workloads: Any, **options: Any) -> Any:
        with pytest.raises(probe.BadOption):
            probe.run(*workloads, progress=False, **options)
        return json.loads(noted.read_text()) if noted.exists() else None

    return call


def test_workloads_are_no_options(told: Any) -> None:
    argv = told("add", HOSTILE, "--", "-o")
    assert argv[argv.index("--") + 1 :] == ["add", HOSTILE, "--", "-o"]


@pytest.mark.parametrize(
    "name, value, option",
    [
        ("args", HOSTILE, "--args="),
        ("target", HOSTILE, "--target="),
        ("engine", HOSTILE, "--engine="),
        ("paths", HOSTILE, "--paths="),
        ("paths", [HOSTILE], "--paths="),
        ("interpreters", HOSTILE, "--python="),
        ("interpreters", [HOSTILE], "--python="),
        ("output", HOSTILE, "--output="),
    ],
)
def test_values_are_no_options(told: Any, name: str, value: Any, option: str) -> None:
    argv = told("add", **{name: value})
    assert option + HOSTILE in argv and HOSTILE not in argv
    assert argv[argv.index("--") :] == ["--", "add"]


@pytest.mark.parametrize(
    "options",
    [
        {"preset": HOSTILE},
        {"passes": HOSTILE},
        {"rounds": HOSTILE},
        {"rounds": True},
        {"engine": 5},
        {"args": 5},
        {"target": ""},
        {"args": "a\0b"},
        {"paths": ["ctypes", 5]},
        {"paths": ["ctypes,cffi-api"]},
        {"interpreters": ["3.13", ""]},
        {"interpreters": []},
        {"output": ""},
    ],
)
def test_values_that_nothing_is_started_for(told: Any, options: Any) -> None:
    assert told("add", **options) is None


def test_the_command_itself_takes_them_for_names(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for word in (HOSTILE, "-h", "--version", "--help"):
        with pytest.raises(probe.BadOption, match=word):
            probe.run("add", word, interpreters=sys.executable, progress=False)
    assert not list(tmp_path.iterdir())
