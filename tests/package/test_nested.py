# SPDX-License-Identifier: MIT
"""Foreign calls nested in the measured one run for real, and are marshalling."""

import ctypes
import sys
import sysconfig
import threading
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest

import probe
from conftest import QUICK

# 3.13 does not specialise without the GIL.
FREE_THREADED = sysconfig.get_config_var("Py_GIL_DISABLED") == 1
SPECIALISES = sys.version_info >= ((3, 14) if FREE_THREADED else (3, 11))
TRIES = 5  # the machine is shared: a figure counts as wrong when it repeats


def _double(name: str, *argtypes: Any) -> Any:
    """A function of its own, so that what a test sets is not seen elsewhere."""
    f: Any = getattr(ctypes.CDLL("libm.so.6"), name)
    f.restype, f.argtypes = ctypes.c_double, list(argtypes)
    return f


def _sizes() -> Any:
    f: Any = ctypes.CDLL(None).memcmp
    f.restype = ctypes.c_int
    return f


def phases(found: probe.Breakdown) -> Dict[str, Any]:
    return {part.name: part.value for part in found.phases}


def ndpointer() -> Tuple[Any, Tuple[Any, ...]]:
    f = _sizes()
    vector = np.ctypeslib.ndpointer(np.float64)
    f.argtypes = [vector, vector, ctypes.c_size_t]
    return f, (np.arange(10.0), np.arange(10.0), 80)


def array_address() -> Tuple[Any, Tuple[Any, ...]]:
    f = _sizes()
    f.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    a = np.arange(10.0)
    return f, (a.ctypes, a.ctypes, 80)


class Converted:
    """A c_double whose conversion makes foreign calls."""

    calls: Callable[[], Any]

    @classmethod
    def from_param(cls, value: float) -> Any:
        cls.calls()
        return ctypes.c_double(value)


def converted(calls: Callable[[], Any]) -> Any:
    return type("Own", (Converted,), {"calls": staticmethod(calls)})


def cast() -> Tuple[Any, Tuple[Any, ...]]:
    buffer = ctypes.create_string_buffer(8)
    return _double("sqrt", converted(lambda: ctypes.cast(buffer, ctypes.c_void_p))), (4.0,)


def string_at_in_errcheck() -> Tuple[Any, Tuple[Any, ...]]:
    buffer = ctypes.create_string_buffer(b"text")

    def check(result: float, func: Any, arguments: Any) -> float:
        assert ctypes.string_at(buffer) == b"text"
        return result

    f = _double("sqrt", ctypes.c_double)
    f.errcheck = check
    return f, (4.0,)


def cffi_in_float() -> Tuple[Any, Tuple[Any, ...]]:
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef("double cbrt(double);")
    inner = ffi.dlopen("libm.so.6").cbrt

    class Number:
        def __float__(self) -> float:
            return float(inner(64.0))

    return _double("sqrt", converted(Number().__float__)), (4.0,)


def cffi_in_the_float_of_cffi() -> Tuple[Any, Tuple[Any, ...]]:
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef("double cbrt(double); double sqrt(double);")
    library = ffi.dlopen("libm.so.6")
    inner, outer = library.cbrt, library.sqrt

    class Number:
        def __float__(self) -> float:
            return float(inner(64.0))

    return outer, (Number(),)


def the_same_function() -> Tuple[Any, Tuple[Any, ...]]:
    f = _double("sqrt", ctypes.c_double)
    depth = [0]

    def again() -> None:
        if depth[0] < 3:
            depth[0] += 1
            assert f(16.0) == 4.0
            depth[0] -= 1

    f.argtypes = [converted(again)]
    return f, (4.0,)


def another_type_of_errcheck() -> Tuple[Any, Tuple[Any, ...]]:
    """In an errcheck, and with fewer arguments: nearer to the loop than the measured ffi_call."""
    f: Any = ctypes.CDLL(None).snprintf
    f.argtypes, f.restype = None, ctypes.c_int
    getpid = ctypes.CDLL(None).getpid

    def check(result: int, func: Any, arguments: Any) -> int:
        getpid()
        return result

    f.errcheck = check
    return f, (ctypes.create_string_buffer(64), 64, b"%d" * 9, *range(9))


def another_thread() -> Tuple[Any, Tuple[Any, ...]]:
    """The same function, called in a thread that the conversion waits for."""
    f = _double("sqrt", ctypes.c_double)
    asked, answered = threading.Semaphore(0), threading.Semaphore(0)
    results: List[float] = []

    def work() -> None:
        while asked.acquire(timeout=20):
            results.append(f(16.0))
            answered.release()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()

    def ask() -> None:
        if threading.current_thread() is worker:
            return
        asked.release()
        answered.acquire()
        assert results.pop() == 4.0

    f.argtypes = [converted(ask)]
    return f, (4.0,)


CASES = [
    ndpointer, array_address, cast, string_at_in_errcheck, cffi_in_float,
    cffi_in_the_float_of_cffi, the_same_function, another_type_of_errcheck,
]  # fmt: skip


@pytest.mark.parametrize("make", CASES, ids=lambda f: f.__name__)
def test_three_phases_and_no_crash(make: Callable[[], Tuple[Any, Tuple[Any, ...]]]) -> None:
    f, args = make()
    before = f(*args)
    found = probe.measure(f, *args, engine="ladder,timeline", **QUICK)
    assert f(*args) == before
    assert not [w for w in found.warnings if "told apart" in w], found.warnings
    assert list(phases(found)) == ["dispatch", "marshalling", "compute"]


def test_a_call_of_another_thread_runs_for_real() -> None:
    f, args = another_thread()
    found = probe.measure(f, *args, **QUICK)
    assert found.total is not None


def test_ten_nested_calls_are_marshalling_alone() -> None:
    """They raise marshalling by what they take, and nothing else."""
    getpid = ctypes.CDLL(None).getpid
    calls = [0]

    def nest() -> None:
        for _ in range(calls[0]):
            getpid()

    f = _double("sqrt", converted(nest))
    seen = []
    for _ in range(TRIES):
        calls[0] = 0
        plain = phases(probe.measure(f, 4.0, rounds=60, passes=2, progress=False))
        calls[0] = 10
        nested = phases(probe.measure(f, 4.0, rounds=60, passes=2, progress=False))
        more = nested["marshalling"].value - plain["marshalling"].value
        apart = {
            name: abs(nested[name].value - plain[name].value)
            - (nested[name].half + plain[name].half)
            for name in ("dispatch", "compute")
        }
        seen.append((more, apart))
        # Ten calls take a microsecond at least: what of them were dispatch would be plain to see.
        if more > 1000 and max(apart.values()) < 0.02 * more:
            return
    pytest.fail("%s" % seen)


def test_a_skipped_entry_is_merged_and_said() -> None:
    class Slow:
        def __len__(self) -> int:
            return sum(range(100))

    class Nested:
        def __len__(self) -> int:
            return max(map(len, ["four"]))

    for thing in (Slow(), Nested()):
        found = probe.measure(len, thing, **QUICK)
        if SPECIALISES:
            assert list(phases(found)) == ["dispatch+marshalling+compute"]
            assert any("entry can't be told apart" in w for w in found.warnings), found.warnings
        else:
            assert list(phases(found))[0] == "dispatch", found
