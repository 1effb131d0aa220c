# SPDX-License-Identifier: MIT
"""A cell under threads: what each thread calls, its own copy of everything or what all share."""

import os
import sys
from typing import Any, Callable, Dict, List, Tuple

import _model
from _hooks import empty_loop, make_loop

WINDOW_S = 0.02  # several turns of CPython's 5 ms switch interval
ROUNDS_SHARE = 10  # a round of windows is worth so many rounds of the ladder


def gil_is_on() -> bool:
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def measure(target: Any, spec: Dict[str, Any], had_gil: bool) -> Dict[str, Any]:
    """target: as a cell makes it."""
    private = spec["engine"] == "threads-private"
    counts = tuple(spec["threads"])
    made: List[Any] = []

    def own() -> Tuple[Callable[..., Any], Tuple[Any, ...]]:
        call, args = target.another()
        if any(call is other for other in made):
            raise _model.Inexpressible(
                "%s has one callable for all threads: none can have its own" % target.name
            )
        made.append(call)
        return call, args

    def make(worker: int) -> Tuple[Callable[..., Any], Tuple[Any, ...], Callable[..., None]]:
        """Called in the thread itself: who makes an object may count its references cheaper."""
        call, args = own() if private else (target.call, target.args)
        target.check(call(*args))
        return call, args, make_loop(len(args))

    if private:
        # Here, where an exception is more than a text. Nothing can be called before it is hooked.
        made.append(target.call)
        own()
    result: Dict[str, Any] = target.probe.threads(
        target.call,
        target.args,
        make_loop(len(target.args)),
        empty_loop,
        make,
        counts,
        hooks=target.hooks,
        delays=spec["workload"].get("delays") if target.hooks else None,
        subphases=target.subphases,
        rounds=max(3, spec["rounds"] // ROUNDS_SHARE),
        window_s=WINDOW_S,
        wait_s=spec["wait_s"],
        seed=spec["seed"],
        cpu=spec.get("cpu", -1),
    )
    result["threads"]["cpus"] = len(os.sched_getaffinity(0))
    if gil_is_on() and not had_gil:
        target.warnings.append(
            "importing this binding turned the GIL on: it does not say that it can do without"
        )
    return result
