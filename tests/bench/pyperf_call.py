# SPDX-License-Identifier: MIT
"""Times one built binding with pyperf: bench.py runs this under the interpreter in question.

$PROBE_BENCH_CALL names a JSON file: {"binding", "prototype", "artifact", "library"}. The call is
that of workload add, on the bare library: no veneer, no hook. Benchmarks: "call" and "empty".
"""

import ctypes
import importlib.util
import json
import os
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


runner = pyperf.Runner()
runner.bench_time_func("call", call)
runner.bench_time_func("empty", empty)
