# SPDX-License-Identifier: MIT
"""The extension leaves no trace: every hook is undone, also after an error in the measured call."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PROBE_BIN

SCRIPT = r"""
import ctypes, json, _ctypes, _probe

f = ctypes.CDLL(None).abs
f.restype = ctypes.c_int


class Failing:
    calls = 0
    limit = 10**9

    @classmethod
    def from_param(cls, value):
        cls.calls += 1
        if cls.calls > cls.limit:
            raise ZeroDivisionError("call %d" % cls.calls)
        return ctypes.c_int(value)


f.argtypes = [Failing]
f(-3)
hooks = {
    "entry": [],
    "detach": _probe.got_slots(_ctypes.__file__, ("PyEval_SaveThread",)),
    "attach": _probe.got_slots(_ctypes.__file__, ("PyEval_RestoreThread",)),
    "invoke": _probe.got_slots(_ctypes.__file__, ("ffi_call",)),
}
addresses = [a for slots in hooks.values() for a in slots]


def pages():
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    spans = [(int(s, 16), int(e, 16), p) for s, e, p in ((*l[0].split("-"), l[1]) for l in lines)]
    assert not [p for _, _, p in spans if "w" in p and "x" in p]
    return [next(p for s, e, p in spans if s <= a < e) for a in addresses]


def state():
    return [ctypes.c_void_p.from_address(a).value for a in addresses], pages()


def loop(it, f, a0):
    for _ in it:
        f(a0)


def empty(it):
    for _ in it:
        pass


def measure(run):
    return run(f, (-3,), loop, empty, hooks=hooks, returns="int", rounds=12, round_us=20, wait_s=0)


before = state()
for run in (_probe.ladder, _probe.timeline):
    Failing.limit = 10**9
    result = measure(run)
    assert result["rounds"] and result["expected"] == 3
    assert state() == before, run
    for more in (1, 2, 3, 5, 40):
        Failing.limit = Failing.calls + more
        try:
            measure(run)
        except ctypes.ArgumentError:  # as ctypes words what from_param raised
            pass
        else:
            raise AssertionError("the call's exception was lost")
        assert state() == before, (run, more)
Failing.limit = 10**9
assert f(-5) == 5
for wrong in ((1, (), loop, empty), (f, [], loop, empty), (f, (), 3, empty)):
    try:
        _probe.ladder(*wrong, rounds=12)
    except TypeError:
        pass
    else:
        raise AssertionError(wrong)
print("ok")
"""


@pytest.mark.skipif(not PROBE_BIN.exists(), reason="build/probe is not built")
def test_hooks_are_undone(tmp_path: Path) -> None:
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    made = subprocess.run(
        [str(PROBE_BIN), "run", "noop", "-p", "ctypes", "-i", sys.executable, "--fast", "-q"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    (module,) = tmp_path.glob("probe/interpreters/*/ext-*/_probe.so")
    env["PYTHONPATH"] = str(module.parent)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.stdout.strip() == "ok", done.stderr
