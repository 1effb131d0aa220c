# SPDX-License-Identifier: MIT
"""What watching a call costs, beside cProfile and viztracer on the same script.

    python watch.py [ROUNDS]

Run by `make bench`; prints JSON. Each round times the same loop bare and under each tool, in random
order and in one process, so that all meet the same machine; a figure is the median of the rounds'
differences to the bare loop of the same round, in nanoseconds per call.
"""

import ctypes
import json
import random
import statistics
import sys
import time
import zlib
from typing import Any, Callable, Dict, List

import probe

CALLS = 3000

strlen: Any = ctypes.CDLL(None).strlen
strlen.restype, strlen.argtypes = ctypes.c_size_t, [ctypes.c_char_p]
adler32 = zlib.adler32


def c_api() -> None:
    for _ in range(CALLS):
        adler32(b"abc")


def through_ctypes() -> None:
    for _ in range(CALLS):
        strlen(b"abc")


LOOPS: Dict[str, Callable[[], None]] = {"C-API": c_api, "ctypes": through_ctypes}


def timed(loop: Callable[[], None]) -> float:
    start = time.perf_counter_ns()
    loop()
    return (time.perf_counter_ns() - start) / CALLS


def bare(loop: Callable[[], None]) -> float:
    return timed(loop)


def watched(phases: bool) -> Callable[[Callable[[], None]], float]:
    def under(loop: Callable[[], None]) -> float:
        with probe.watch("zlib", phases=phases) as w:
            took_ns = timed(loop)
        assert w.calls == CALLS
        return took_ns

    return under


def c_profile(loop: Callable[[], None]) -> float:
    import cProfile

    profile = cProfile.Profile()
    profile.enable()
    took_ns = timed(loop)
    profile.disable()
    return took_ns


def viztracer(loop: Callable[[], None]) -> float:
    from viztracer import VizTracer  # type: ignore[import-not-found, import-untyped, unused-ignore]

    tracer = VizTracer(tracer_entries=4 * CALLS, verbose=0)
    tracer.start()
    took_ns = timed(loop)
    tracer.stop()
    tracer.clear()
    return took_ns


TOOLS: Dict[str, Callable[[Callable[[], None]], float]] = {
    "watch": watched(False),
    "watch, phases": watched(True),
    "cProfile": c_profile,
    "viztracer": viztracer,
}


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    tools = dict(TOOLS)
    try:
        import viztracer as _  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        del tools["viztracer"]
    found: Dict[str, Dict[str, List[float]]] = {
        kind: {name: [] for name in ["bare", *tools]} for kind in LOOPS
    }
    turns = [(kind, name) for kind in LOOPS for name in ["bare", *tools]]
    for k in range(rounds + 1):
        random.shuffle(turns)
        took = {turn: dict(tools, bare=bare)[turn[1]](LOOPS[turn[0]]) for turn in turns}
        for kind, name in turns:
            if k:  # the first one warms up
                base = 0.0 if name == "bare" else took[kind, "bare"]
                found[kind][name].append(took[kind, name] - base)
    figures = {
        kind: {name: statistics.median(values) for name, values in series.items()}
        for kind, series in found.items()
    }
    print(json.dumps({"rounds": rounds, "python": sys.version.split()[0], "added_ns": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
