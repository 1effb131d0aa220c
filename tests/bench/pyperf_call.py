# SPDX-License-Identifier: MIT
"""Times one built binding with pyperf: bench.py runs this under the interpreter in question.

$PROBE_BENCH_CALL names a JSON file: {"binding", "prototype", "artifact", "library"}. The call is
that of workload add, on the bare library: no veneer, no hook. Benchmarks: "call" and "empty" in the
loop that a user of pyperf writes; "call-repeat" and "empty-repeat" in the one that probe times. The
two differ for short calls: a core overlaps the call with the loop's own work, and range() makes an
integer in every turn.
"""

import ctypes
import importlib.util
import json
import os
from itertools import repeat
from time import perf_counter

import pyperf

with open(os.environ["PROBE_BENCH_CALL"], encoding="utf-8") as stream:
    what = json.load(stream)
# Compiled bindings find the target's library by its name once it is loaded for all to see.
ctypes.CDLL(what["library"], ctypes.RTLD_GLOBAL)
spec = importlib.util.spec_from_file_location("_binding", what["binding"])
assert spec and spec.loader
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
target = module.load(what["prototype"], what["artifact"], what["library"])
assert target(2, 3) == 5


def call(loops: int) -> float:
    f = target
    begin = perf_counter()
    for _ in range(loops):
        f(2, 3)
    return perf_counter() - begin


def empty(loops: int) -> float:
    begin = perf_counter()
    for _ in range(loops):
        pass
    return perf_counter() - begin


def call_repeat(loops: int) -> float:
    f, a, b = target, 2, 3
    begin = perf_counter()
    for _ in repeat(None, loops):
        f(a, b)
    return perf_counter() - begin


def empty_repeat(loops: int) -> float:
    begin = perf_counter()
    for _ in repeat(None, loops):
        pass
    return perf_counter() - begin


runner = pyperf.Runner()
runner.bench_time_func("call", call)
runner.bench_time_func("empty", empty)
runner.bench_time_func("call-repeat", call_repeat)
runner.bench_time_func("empty-repeat", empty_repeat)
