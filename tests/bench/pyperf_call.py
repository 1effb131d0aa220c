# SPDX-License-Identifier: MIT
"""Times one built binding with pyperf: bench.py runs this under the interpreter in question.

$PROBE_BENCH_CALL names a JSON file: {"binding", "prototype", "artifact", "library", "ext",
"hooks", "log"}.
The call is that of workload add, on the bare library: no veneer, no hook. Benchmarks: "call" and
"empty" in the loop that a user of pyperf writes; "turns", the call in turns with the empty loop and with
rounds of probe's ladder in the same process. They differ for short calls: a core overlaps the call with
the loop's own work, range() makes an integer in every turn, and a core that runs one loop alone settles
in one of several states (20 to 29 ns a turn for capi-fastcall, seen on AMD EPYC), which other code
between the values makes it leave.

Beside every value the noise reference is taken as probe takes it beside every round. "log" in that
file names another: a line for each value, [process, name, seconds a call, wide over chain];
"turns-empty", "ladder" and "ladder-empty" are what else took turns.
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
sys.path[:0] = [what["ext"], what["hooks"]]
import _probe  # type: ignore[import-not-found]
from _hooks import empty_loop, make_loop  # type: ignore[import-not-found]

EMPTY, REAL = 0, 4  # of enum probe_rung
noise = _probe.noise_reference()
kept: List[Any] = []


def write_log() -> None:
    """At the end, as a file written between two values leaves cold caches for the next."""
    with open(what["log"], "a", encoding="utf-8") as log:
        log.writelines(json.dumps(line) + "\n" for line in kept)


atexit.register(write_log)


def note(name: str, seconds: float, references: List[Any]) -> None:
    """The worst of the references tells."""
    chain, wide = max(references, key=lambda pair: pair[1] / pair[0])
    kept.append([os.getpid(), name, seconds, wide / chain])


def noted(name: str, timed: Callable[[int], float]) -> Callable[[int], float]:
    def timed_and_noted(loops: int) -> float:
        before = noise()
        took = timed(loops)
        after = noise()
        if before and after:
            note(name, took / loops, [before, after])
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


def ladder_round(loops: int) -> Any:
    """One round of probe's ladder with no hooks: the empty loop and the call, in random order."""
    return _probe.ladder(
        target, (2, 3), timed_loop, empty_loop, rounds=1, wait_s=0.0, calls=loops, seed=len(kept)
    )


def note_ladder(samples: Any) -> None:
    columns, row = samples["columns"], samples["rounds"][0]
    chain, wide, discarded = row[-3:]
    hz = samples["counter"]["hz"]
    if not discarded and hz and chain and wide:
        note("ladder", row[columns.index(REAL)] / hz, [(chain, wide)])
        note("ladder-empty", row[columns.index(EMPTY)] / hz, [(chain, wide)])


def warm_empty(loops: int) -> float:
    empty_repeat(loops // 4)
    return empty_repeat(loops)


noted_empty = noted("turns-empty", warm_empty)


def turns(loops: int) -> float:
    """A round of the ladder and, right behind it, the same call by pyperf's means: a share that is
    not timed, then what is. Nothing stands between the two: a short call settles in another state
    after other code, be it our taking notes (capi-fastcall: 21.1 ns a turn right behind a round,
    21.4 behind a note, 23.3 behind json.dumps(), for as long as the loop goes on). The empty loop is
    the same everywhere."""
    samples = ladder_round(loops)
    call_repeat(loops // 4)
    took = call_repeat(loops)
    note_ladder(samples)
    noted_empty(loops)
    return took


timed_loop = make_loop(2)
runner = pyperf.Runner()
for name, timed in (("call", call), ("empty", empty), ("turns", turns)):
    runner.bench_time_func(name, noted(name, timed))
