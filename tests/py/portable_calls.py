# SPDX-License-Identifier: MIT
"""Counts the calls that a measurement makes, in the called function itself; for any interpreter.

Usage: PYTHON portable_calls.py EXT BUILD-SPEC KERNEL VENEER [lazy]   (one JSON object on stdout)
lazy: through a callable that soon makes every other call only, as if a compiler had had a hand in.
"""

import ctypes
import json
import sys

ext, build_spec, kernel, veneer = sys.argv[1:5]
sys.path.insert(0, ext)
import _build  # type: ignore[import-not-found]
import _portable  # type: ignore[import-not-found]

with open(build_spec, encoding="utf-8") as f:
    folder = _build.Builder(json.load(f)).portable()["dir"]
core = _portable.Core(folder)
target = core.open_library(kernel, local=True)
slot = core.veneer_slot(core.open_library(veneer))
function = ctypes.CDLL(veneer).pb_counted
function.argtypes = [ctypes.c_int, ctypes.c_int]
function.restype = ctypes.c_int
reached = ctypes.CDLL(kernel).pb_reached  # a function: GraalPy's ctypes has no in_dll()
reached.argtypes = []
reached.restype = ctypes.c_ulonglong
made = 0


def lazy(a, b):  # type: ignore[no-untyped-def]
    global made
    made += 1
    return function(a, b) if made % 2 or made < 10000 else a + b


call = lazy if "lazy" in sys.argv else function
try:
    answer = core.ladder(
        call, (2, 3), None, None, hooks={"target": (slot, core.symbol(target, "pb_counted"))},
        returns="int", rounds=30, wait_s=0, warm_up_s=(0.1, 0.2) if "lazy" in sys.argv else None,
    )  # fmt: skip
    print(json.dumps({**answer, "reached": reached()}))
except _portable.Failed as e:
    print(json.dumps({"error": str(e)}))
