# SPDX-License-Identifier: MIT
"""probe.measure(): honest answers for callables of every kind."""

import ctypes
import functools
import itertools
import math
import sys
import zlib
from typing import Any

import pytest

import probe
from conftest import QUICK

HAS_OWN_CTYPES = hasattr(__import__("_ctypes"), "__file__")


def covers_the_call(b: probe.Breakdown) -> None:
    """The phases are all there is: less what overlaps, they sum to the total, and none is named
    twice."""
    assert b.total is not None and b.total.value > 0
    total = b.total.value + (b.overlap.value if b.overlap else 0.0)
    assert sum(part.value.value for part in b.phases) == pytest.approx(total, rel=1e-6)
    fine = [name for part in b.parts for name in part.subphases]
    assert len(fine) == len(set(fine))
    assert sum(part.value.value for part in b.parts) == pytest.approx(total, rel=1e-6)


def test_a_ctypes_function_is_split(hypot: Any) -> None:
    b = probe.measure(hypot, 3.0, 4.0, **QUICK)
    covers_the_call(b)
    assert b.path == "ctypes" and b.name == "hypot" and b.unit == "ns"
    assert b.compute is not None and b.closure is not None
    for name in ("call", "return", "marshal_in", "compute"):
        assert b.subphases[name] is not None
    if HAS_OWN_CTYPES:
        assert b.dispatch is not None and b.marshalling is not None
        part = b.subphases["detach"]
        assert part is not None and part.subphases == ("detach", "attach")
        assert b.subphases["invoke"] is not None
    assert b.counter["kind"] and b.counter["why"] and b.calls and b.rounds >= 20


def test_a_ctypes_function_without_types_is_told_from_one_with() -> None:
    f = ctypes.CDLL("libc.so.6").abs
    b = probe.measure(f, -3, **QUICK)
    assert b.path == "ctypes-untyped"
    covers_the_call(b)


def test_a_function_that_keeps_the_gil_has_no_detach() -> None:
    f = ctypes.PyDLL("libc.so.6").abs
    f.argtypes, f.restype = [ctypes.c_int], ctypes.c_int
    b = probe.measure(f, -3, **QUICK)
    covers_the_call(b)
    if HAS_OWN_CTYPES:
        assert b.subphases["detach"] is None and b.subphases["invoke"] is not None


@pytest.mark.parametrize(
    "f, args",
    [
        (math.sqrt, (2.0,)),
        (zlib.crc32, (b"x" * 64,)),
        ("abc".upper, ()),
        (str.upper, ("abc",)),
        (functools.partial(math.hypot, 3.0), (4.0,)),
        (functools.lru_cache(None)(abs), (1,)),
    ],
    ids=["sqrt", "crc32", "bound", "descriptor", "partial", "lru_cache"],
)
def test_native_code_that_says_no_more_is_merged_and_says_why(f: Any, args: Any) -> None:
    b = probe.measure(f, *args, **QUICK)
    covers_the_call(b)
    assert b.path == "direct"
    assert b.compute is None and any(set(part.subphases) > {"compute"} for part in b.parts)
    assert any("marshalling and compute are shown as one" in w for w in b.warnings)


def test_a_named_target_splits_it() -> None:
    b = probe.measure(zlib.crc32, b"x" * 2000, target="libz.so.1:crc32", **QUICK)
    if b.compute is None:  # a zlib that is part of the interpreter
        pytest.skip("; ".join(b.warnings))
    covers_the_call(b)
    assert b.total is not None and b.compute.value > 0.5 * b.total.value


def test_compute_is_found_where_it_is(hypot: Any) -> None:
    """A target with a known, long computation: compute holds nearly all of it."""
    qsort = ctypes.CDLL("libc.so.6").strlen
    qsort.argtypes, qsort.restype = [ctypes.c_char_p], ctypes.c_size_t
    b = probe.measure(qsort, b"x" * 200000, **QUICK)
    assert b.compute is not None and b.total is not None
    assert b.compute.value > 0.7 * b.total.value


def test_a_python_function_has_a_total_and_an_empty_call() -> None:
    b = probe.measure(lambda: math.sqrt(2.0), **QUICK)
    assert b.path == "python" and b.phases == () and b.parts == ()
    assert b.total is not None and b.empty_call is not None
    assert 0 < b.empty_call.value < b.total.value
    assert any("Python function" in w for w in b.warnings)


def test_bound_methods_and_callable_objects_of_python() -> None:
    class Thing:
        def method(self, x: int) -> int:
            return x

        def __call__(self, x: int) -> int:
            return x

    for f in (Thing().method, Thing()):
        b = probe.measure(f, 1, **QUICK)
        assert b.path == "python" and b.total is not None


def test_a_class_is_not_hooked() -> None:
    b = probe.measure(dict, **QUICK)
    assert b.total is not None and any("metaclass" in w for w in b.warnings)


def test_results_that_do_not_compare_by_themselves() -> None:
    values = itertools.repeat(float("nan"))
    assert probe.measure(lambda: next(values), **QUICK).total
    b = probe.measure(math.sqrt, float("nan"), **QUICK)
    assert b.subphases["call"] is not None


def test_cffi_functions_are_split() -> None:
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef("double hypot(double, double);")
    library = ffi.dlopen("libm.so.6")
    b = probe.measure(library.hypot, 3.0, 4.0, **QUICK)
    covers_the_call(b)
    assert b.path == "cffi-abi" and b.compute is not None
    assert b.subphases["invoke"] is not None


def test_a_ufunc_is_answered() -> None:
    numpy = pytest.importorskip("numpy")
    b = probe.measure(numpy.add, 2.0, 3.0, **QUICK)
    covers_the_call(b)
    one, two = numpy.arange(4.0), numpy.arange(4.0)
    b = probe.measure(numpy.add, one, two, **QUICK)  # a result without a truth value
    covers_the_call(b)


def test_a_call_that_waits_is_timed_singly() -> None:
    import time

    b = probe.measure(time.sleep, 0.005, rounds=10, passes=1, progress=False)
    assert b.total is not None and 5e6 <= b.total.value < 50e6
    assert any("not split" in w for w in b.warnings)


@pytest.mark.parametrize("limit", [1, 2, 50, 1500, 5000])
def test_max_calls_is_kept(limit: int) -> None:
    calls = []

    def f(x: int) -> None:
        calls.append(x)

    b = probe.measure(f, 1, max_calls=limit, progress=False)
    assert 1 <= len(calls) <= limit
    assert b.calls == len(calls)
    assert b.total is not None and b.total.half > 0


def test_max_calls_still_splits_where_it_can(hypot: Any) -> None:
    calls = []

    def count(result: float, func: Any, arguments: Any) -> float:
        calls.append(1)
        return result

    hypot.errcheck = count
    b = probe.measure(hypot, 3.0, 4.0, max_calls=3000, progress=False)
    assert len(calls) <= 3000 and b.calls is not None and b.calls <= 3000
    assert b.compute is not None


def test_calls_are_counted() -> None:
    calls = [0]

    def f() -> None:
        calls[0] += 1

    assert probe.measure(f, **QUICK).calls == calls[0]


def test_a_timeline_has_distributions_and_events(hypot: Any) -> None:
    t = probe.timeline(hypot, 3.0, 4.0, calls=1000, progress=False)
    total = t.distributions[-1]
    assert total.name == "total" and total.calls > 500
    assert total.p50 <= total.p90 <= total.p99 <= total.p999 <= total.max
    assert {event.edge for event in t.events} == {"in", "out"}
    assert [e.ticks for e in t.events] == sorted(e.ticks for e in t.events)
    assert t.events[0].layer == "entry" and t.events[-1].call > 10
    assert "p99.9" in repr(t) and "p99.9" in t._repr_html_()


def test_both_engines_in_one(hypot: Any) -> None:
    b = probe.measure(hypot, 3.0, 4.0, engine="ladder,timeline", **QUICK)
    assert b.engine == "ladder" and b.distributions


def test_a_comparison_has_a_reference_and_a_verdict(hypot: Any) -> None:
    c = probe.compare({"ctypes": hypot, "math": math.hypot}, args=(3.0, 4.0), **QUICK)
    assert list(c) == ["ctypes", "math"] and c.reference is c["ctypes"]
    assert c["ctypes"].speedup == pytest.approx(1)
    assert c["math"].speedup is not None and c["math"].speedup > 1
    assert "math is the cheapest" in c.verdict
    assert len(c) == 2 and "ctypes" in repr(c) and c["math"].speedup_text.endswith("x")


def test_a_name_decides_nothing() -> None:
    def twice(x: Any) -> Any:
        return x

    c = probe.compare({"python": len, "ctypes": twice}, args=("abc",), **QUICK)
    assert [cell.binding for cell in c.run.cells] == ["direct", "python"]
    assert [cell.path for cell in c.run.cells] == ["python", "ctypes"]
    assert c["python"].empty_call is None and c["ctypes"].empty_call is not None
    assert "python is the only binding measured" in c.verdict
    assert "ctypes, in pure Python" in c.verdict or "ctypes in pure Python" in c.verdict


def _slow(x: Any, y: Any) -> Any:
    for _ in range(20):
        pass
    return x[0] - y[0]


def test_callbacks_are_told_apart_within_compute() -> None:
    number = ctypes.POINTER(ctypes.c_int)
    kind = ctypes.CFUNCTYPE(ctypes.c_int, number, number)
    qsort = ctypes.CDLL(None).qsort
    qsort.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, kind]
    qsort.restype = None
    b = probe.measure(qsort, (ctypes.c_int * 4)(1, 2, 3, 4), 4, 4, kind(_slow), **QUICK)
    covers_the_call(b)
    python, callback = b.subphases["python"], b.subphases["callback"]
    assert python is not None and python.subphases == ("python",)
    assert callback is not None and callback.subphases == ("compute", "callback")
    assert b.compute is not None and "python" in repr(b)
    within = python.value.value + callback.value.value
    assert b.compute.value == pytest.approx(within, rel=1e-6)
    # A function of a library is no callback, nor is one that is never called.
    strlen = ctypes.CDLL(None).strlen
    address = ctypes.CFUNCTYPE(ctypes.c_int)(("getpid", ctypes.CDLL(None)))
    strlen.argtypes = [ctypes.c_void_p]
    for b in (probe.measure(strlen, address, **QUICK), probe.measure(str, _slow, **QUICK)):
        assert b.subphases["python"] is None and b.subphases["callback"] is None


def test_callbacks_of_cffi_and_of_extensions() -> None:
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef("void qsort(void *, size_t, size_t, int (*)(const void *, const void *));")
    back = ffi.callback(
        "int(const void *, const void *)",
        lambda x, y: _slow(ffi.cast("int *", x), ffi.cast("int *", y)),
    )
    numbers = ffi.new("int[4]", [1, 2, 3, 4])
    b = probe.measure(ffi.dlopen(None).qsort, numbers, 4, 4, back, **QUICK)
    covers_the_call(b)
    assert b.prepared == "buffers and callbacks"
    assert b.subphases["python"] is not None and b.compute is not None

    b = probe.measure(functools.reduce, lambda x, y: x + y, [1, 2, 3], **QUICK)
    covers_the_call(b)
    assert b.subphases["python"] is not None


def test_arguments_made_before_timing_are_told_and_win_no_verdict() -> None:
    strlen = ctypes.CDLL(None).strlen
    strlen.argtypes, strlen.restype = [ctypes.c_void_p], ctypes.c_size_t
    text = (ctypes.c_char * 16)(*b"some text")
    c = probe.compare({"ctypes": strlen, "hash": id, "repr": repr}, args=(text,), **QUICK)
    assert [cell.prepared for cell in c.run.cells] == ["buffers", None, None]
    assert "hash is the cheapest" in c.verdict and "Not ranked with these: ctypes" in c.verdict
    assert "its buffers were made before timing" in " ".join(repr(c["ctypes"]).split())
    plain = ctypes.CDLL(None).strlen
    plain.argtypes = [ctypes.c_char_p]
    assert probe.measure(plain, b"some text", **QUICK).prepared is None
    for value, said in (
        (ctypes.c_char_p(b"text"), "buffers"),
        (ctypes.c_char_p(), None),
        (ctypes.c_long(3), "numbers"),
        (ctypes.byref(ctypes.c_long(3)), "buffers"),
    ):
        labs = ctypes.CDLL(None)["labs"]
        assert probe.measure(labs, value, max_calls=1, progress=False).prepared == said


def test_a_tracer_is_told_of() -> None:
    old = sys.getprofile()
    sys.setprofile(lambda *args: None)
    try:
        b = probe.measure(math.sqrt, 2.0, **QUICK)
    finally:
        sys.setprofile(old)
    assert any("tracer or profiler" in w for w in b.warnings)
