# SPDX-License-Identifier: MIT
"""Times one built binding with pyperf: bench.py runs this under the interpreter in question.

$PROBE_BENCH_CALL names a JSON file: {"binding", "prototype", "artifact", "library",
"ext", "log"}. The call is
that of workload add, on the bare library: no veneer, no hook. Benchmarks: "call" and "empty" in the
loop that a user of pyperf writes; "call-repeat" and "empty-repeat" in the one that probe times;
"call-turns" and "empty-turns" in that one too, but with other code before every value, as a rung of
probe's ladder has. They differ for short calls. A core overlaps the call with the loop's own work,
and range() makes an integer in every turn. And a core that runs one loop alone settles for seconds
in one of several states (20 to 29 ns a turn for capi-fastcall, seen on AMD EPYC), which other code
between the values makes it leave.

Beside every value the noise reference is taken as probe takes it beside every round. "log" in that
file names another: a line for each value, [process, name, seconds a call, wide over chain].
"""

import atexit
import ctypes
import importlib.util
import json
import os
import sys
from itertools import repeat
from time import perf_counter
from typing import Any, Callable, List

import pyperf

OTHER_CALLS = 1000

with open(os.environ["PROBE_BENCH_CALL"], encoding="utf-8") as stream:
    what = json.load(stream)
# Compiled bindings find the target's library by its name once it is loaded for all to see.
ctypes.CDLL(what["library"], ctypes.RTLD_GLOBAL)
spec = importlib.util.spec_from_file_location("_binding", what["binding"])
assert spec and spec.loader
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
target = module.load(what["prototype"], what["artifact"], what["library"], frozenset())
assert target(2, 3) == 5
sys.path.insert(0, what["ext"])
import _probe  # type: ignore[import-not-found]

noise = _probe.noise_reference()
kept: List[Any] = []


def write_log() -> None:
    """At the end, as a file written between two values leaves cold caches for the next."""
    with open(what["log"], "a", encoding="utf-8") as log:
        log.writelines(json.dumps(line) + "\n" for line in kept)


atexit.register(write_log)


def noted(name: str, timed: Callable[[int], float]) -> Callable[[int], float]:
    def timed_and_noted(loops: int) -> float:
        before = noise()
        took = timed(loops)
        after = noise()
        if before and after:
            # The worse of the two tells.
            chain, wide = max(before, after, key=lambda pair: pair[1] / pair[0])
            kept.append([os.getpid(), name, took / loops, wide / chain])
        return took

    return timed_and_noted


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


def python_function(a: int, b: int) -> None:
    pass


def other_code() -> None:
    for _ in repeat(None, OTHER_CALLS):
        python_function(2, 3)


def call_turns(loops: int) -> float:
    other_code()
    call_repeat(loops // 4)  # what a rung's untimed share is
    return call_repeat(loops)


def empty_turns(loops: int) -> float:
    other_code()
    empty_repeat(loops // 4)
    return empty_repeat(loops)


runner = pyperf.Runner()
for name, timed in (
    ("call", call),
    ("empty", empty),
    ("call-repeat", call_repeat),
    ("empty-repeat", empty_repeat),
    ("call-turns", call_turns),
    ("empty-turns", empty_turns),
):
    runner.bench_time_func(name, noted(name, timed))
