# SPDX-License-Identifier: MIT
"""What the bench's slowed hook adds to a call: compare.py runs this under the measured interpreter.

The one argument names a JSON file: {"binding", "prototype", "library", "ext", "steps"}. Prints a
JSON list of [steps, nanoseconds a call more than with 0 steps]. No engine of probe takes part: one
loop over each callable, turn about, and the lower quartile of what each took, as noise only adds.
A processor runs a short delay beside the code around it, so that it costs less than its steps do.
"""

import importlib.util
import json
import os
import random
import sys
from itertools import repeat
from time import perf_counter
from typing import Any, Callable, Dict, List

ROUNDS, CALLS = 1500, 100

with open(sys.argv[1], encoding="utf-8") as stream:
    what = json.load(stream)
sys.path.insert(0, what["ext"])
spec = importlib.util.spec_from_file_location("_binding", what["binding"])
assert spec and spec.loader
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)


def slowed(steps: int) -> Callable[..., Any]:
    os.environ["PROBE_BENCH_STEPS"] = str(steps)
    made: Callable[..., Any] = module.load(what["prototype"], None, what["library"], frozenset())
    assert made(2, 3) == 5
    return made


def seconds(f: Callable[..., Any]) -> float:
    a, b = 2, 3
    begin = perf_counter()
    for _ in repeat(None, CALLS):
        f(a, b)
    return perf_counter() - begin


callables: Dict[int, Callable[..., Any]] = {steps: slowed(steps) for steps in [0, *what["steps"]]}
took: Dict[int, List[float]] = {steps: [] for steps in callables}
order = list(callables)
for _ in range(ROUNDS):
    random.shuffle(order)
    for steps in order:
        took[steps].append(seconds(callables[steps]))
quartile_ns = {s: sorted(t)[len(t) // 4] / CALLS * 1e9 for s, t in took.items()}
print(json.dumps([[s, quartile_ns[s] - quartile_ns[0]] for s in what["steps"]]))
