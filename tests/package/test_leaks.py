# SPDX-License-Identifier: MIT
"""A loop over every function: memory and references stay where they are."""

import ctypes
import gc
import math
import os
import resource
import sys
import sysconfig
from typing import Any, Callable, Dict, List

import pytest

import probe
from probe import _api_target, _hooks, _probe, facts

ONE = probe.measure(math.sqrt, 2.0, max_calls=1, progress=False)
TEXT = ONE.run._text
LIBM = ctypes.CDLL("libm.so.6")
HYPOT = LIBM.hypot
HYPOT.argtypes, HYPOT.restype = [ctypes.c_double, ctypes.c_double], ctypes.c_double


def fails(f: Callable[[], Any]) -> Callable[[], Any]:
    def call() -> None:
        try:
            f()
        except Exception:
            return
        raise AssertionError("it was to fail")

    return call


def raiser(*args: Any) -> None:
    raise ValueError("its own")


LOOP = _hooks.make_loop(1)


def core(engine: Any, f: Any = math.sqrt) -> None:
    options = {"hooks": {"entry": []}, "rounds": 2, "calls": 4, "wait_s": -1.0, "guard": True}
    engine(f, (2.0,), LOOP, _hooks.empty_loop, **options)


def watched(raising: bool = False) -> None:
    with probe.watch("zlib", phases=True) as w:
        HYPOT(3.0, 4.0)
        if raising:
            raise ValueError("its own")
    assert w["hypot"].calls == 1 and repr(w)


CALLS: Dict[str, Callable[[], Any]] = {
    "measure": lambda: probe.measure(HYPOT, 3.0, 4.0, max_calls=1300, progress=False),
    "measure a built-in": lambda: probe.measure(math.sqrt, 2.0, max_calls=1300, progress=False),
    "measure Python": lambda: probe.measure(lambda: None, max_calls=1300, progress=False),
    "measure one call": lambda: probe.measure(math.sqrt, 2.0, max_calls=1, progress=False),
    "measure, raising": fails(lambda: probe.measure(raiser, progress=False)),
    "compare": lambda: probe.compare({"a": len}, args=((),), max_calls=20, progress=False),
    "timeline": lambda: probe.timeline(HYPOT, 3.0, 4.0, calls=100, progress=False),
    "core ladder": lambda: core(_probe.ladder),
    "core timeline": lambda: core(_probe.timeline),
    "core ladder, raising": fails(lambda: core(_probe.ladder, raiser)),
    "core timeline, raising": fails(lambda: core(_probe.timeline, raiser)),
    "view": lambda: _probe.view(TEXT),
    "view, raising": fails(lambda: _probe.view("{}")),
    "export": lambda: _probe.export(TEXT, "csv"),
    "export, raising": fails(lambda: _probe.export(TEXT, "none")),
    "analyse, raising": fails(lambda: _probe.analyse(TEXT, "[]")),
    "load, raising": fails(lambda: _probe.load("/nowhere")),
    "save": lambda: _probe.save(TEXT, "/dev/null"),
    "quiet_ratio": _probe.quiet_ratio,
    "reached": lambda: _probe.reached(math.sqrt, (2.0,), {"entry": []}),
    "reached, raising": fails(lambda: _probe.reached(math.sqrt, ("x",), {"entry": []})),
    "entry_object": lambda: _probe.entry_object(math.sqrt),
    "stored_pointer": lambda: _probe.stored_pointer(math.sqrt, 17),
    "singles, raising": fails(lambda: _probe.singles(raiser, (1,), LOOP, _hooks.empty_loop, 3)),
    "shown": lambda: (repr(ONE), ONE._repr_html_(), ONE.to_dict(), ONE.to_csv(), ONE.plot()),
    "watch": watched,
    "watch, raising": fails(lambda: watched(True)),
    "doctor": lambda: probe.doctor(0.05),
}
# Those that open a counter take some 25 ms each.
SLOW = ("measure", "compare", "timeline", "doctor", "reached", "singles", "core", "watch")
# And much Python runs in these, whose caches fill for hundreds of calls.
PYTHON = ("measure", "compare", "timeline", "watch")
# The first free-threaded builds never free code, once a thread was started: a loop is code.
KEEPS_CODE = sys.version_info < (3, 14) and bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
BATCHES = 8
# ASan keeps freed memory for a while; what it finds ends the process.
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")


def resident_kib() -> int:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize() // 1024


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """The interpreter's own caches and free lists fill during the first hundreds of calls."""
    for _ in range(200):
        facts.facts()
        _api_target.examine(math.sqrt, (2.0,), None, False)
    for _ in range(50):
        CALLS["measure one call"]()


@pytest.mark.parametrize("name", sorted(CALLS))
def test_nothing_leaks(name: str) -> None:
    """What leaks leaks at every call: the best of some batches shows none of it."""
    call = CALLS[name]
    repeats = 10 if name.startswith(SLOW) else 100
    python = name.startswith(PYTHON)
    most = {
        "blocks": repeats * ((64 if KEEPS_CODE else 3) if python else 1),
        "KiB": 4 * repeats,  # a thunk, or a run's text, is a page at least
        "references to None": repeats,
    }
    best = {what: float("inf") for what in most}
    for _ in range(BATCHES):
        gc.collect()
        before = sys.getallocatedblocks(), resident_kib(), sys.getrefcount(None)
        for _ in range(repeats):
            call()
        gc.collect()
        after = sys.getallocatedblocks(), resident_kib(), sys.getrefcount(None)
        best = {k: min(best[k], b - a) for k, a, b in zip(most, before, after)}
        if SANITIZED or all(best[what] < most[what] for what in most):
            return
    pytest.fail("%d calls keep %s" % (repeats, best))


def test_what_a_function_leaves_behind_is_told() -> None:
    opened: List[int] = []

    def opens() -> None:
        opened.append(os.open("/dev/null", os.O_RDONLY))

    try:
        found = probe.measure(opens, max_calls=30, progress=False)
    finally:
        for fd in opened:
            os.close(fd)
    assert any(text.startswith("it leaves descriptors open") for text in found.warnings)
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    kept = probe.measure(libc.malloc, 48, rounds=50, passes=1, progress=False)
    assert any(text.startswith("it keeps memory: about") for text in kept.warnings)
    assert not [text for text in probe.measure(libc.abs, 1, rounds=20, passes=1, progress=False).warnings if "keeps" in text]


def test_what_the_collector_frees_is_not_kept() -> None:
    """It is off while something is measured, so that cycles grow for as long."""

    def cycle() -> None:
        ring: List[Any] = [bytearray(1000)]
        ring.append(ring)

    found = probe.measure(cycle, rounds=50, passes=1, progress=False)
    assert not [text for text in found.warnings if "keeps" in text], found.warnings
