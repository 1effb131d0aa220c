# SPDX-License-Identifier: MIT
"""What is installed: typed, without drivers, and no reason for an interpreter to change."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import probe
from probe import _probe

SCRIPT = '''
"""What a user writes, for a strict type checker."""
import math
from typing import Dict, List, Optional, Tuple

import probe

b: probe.Breakdown = probe.measure(math.sqrt, 2.0, engine="ladder", rounds=50, max_calls=2000)
total: Optional[probe.Value] = b.total
if b.compute is not None:
    low, high = b.compute.interval
    print(low + high, float(b.compute), b.compute.unit.upper(), b.compute.state)
part: Optional[probe.Part] = b.subphases["detach"]
c: probe.Comparison = probe.compare({"a": math.sqrt, "b": abs}, args=(2.0,))
names: List[str] = list(c)
speedup: Optional[float] = c["a"].speedup
t: probe.Timeline = probe.timeline(math.sqrt, 2.0, calls=1000)
medians: List[float] = [d.p50 for d in t.distributions]
ticks: List[int] = [e.ticks for e in t.events]
r: probe.Run = probe.run("fib", paths=["ctypes"], interpreters="3.11")
notes: Tuple[str, ...] = r[0].warnings
csv: str = r.to_csv()
figure: probe.Figure = r.plot("breakdown", path="x.svg")
data: Dict[str, object] = r.to_dict()
contended: bool = probe.doctor(0.1).contended
'''
# Each of these a strict type checker has to refuse.
WRONG = """
import probe
probe.measure(len, rounds="many")
probe.measure(len).total.value
probe.compare([len])
probe.load("run.json").cell
"""


def test_a_users_script_is_checked_strictly(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "right.py").write_text(SCRIPT)
    (tmp_path / "wrong.py").write_text(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache", "right.py", "wrong.py"],
        cwd=str(tmp_path),
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 4 and all(line.startswith("wrong.py") for line in errors), done.stdout


def test_drivers_are_not_installed() -> None:
    installed = {name for name in os.listdir(os.path.dirname(probe.__file__))}
    assert "py.typed" in installed and "_probe.pyi" in installed and "paths.json" in installed
    assert not {"_cell.py", "_build.py", "_kernel.py"} & installed


@pytest.mark.skipif(not hasattr(sys, "_is_gil_enabled"), reason="a build with a GIL")
def test_importing_leaves_the_gil_off() -> None:
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import sys, probe; print(sys._is_gil_enabled())"],
        env=dict(os.environ, PYTHON_GIL=""),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    import sysconfig

    expected = "False" if sysconfig.get_config_var("Py_GIL_DISABLED") else "True"
    assert told.stdout.strip() == expected, told.stdout


def test_the_module_has_no_state_of_its_own() -> None:
    """Multi-phase initialisation: a second module object is one more, and as good."""
    import importlib.util

    spec: Any = importlib.util.find_spec("probe._probe")
    second: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(second)
    assert second is not _probe and second.version == probe.__version__
    assert second.quiet_ratio() == _probe.quiet_ratio()


def test_every_public_name_says_what_it_is() -> None:
    for name in probe.__all__:
        told = getattr(probe, name).__doc__ or ""
        assert len(told) > 20, name
    for name in dir(_probe):
        what = getattr(_probe, name)
        if callable(what):
            assert what.__doc__, name
