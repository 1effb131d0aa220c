# SPDX-License-Identifier: MIT
"""Whatever ends a measurement, every hook is undone; and other threads never notice."""

import ctypes
import math
import os
import signal
import sys
import threading
import time
from typing import Any, Callable, List

import pytest

import probe
from conftest import QUICK, Slots


@pytest.mark.parametrize("after", [0, 1, 3, 4, 5, 10, 300, 5000])
def test_an_exception_comes_out_unchanged(
    hypot: Any, slots: Callable[[Any], Slots], after: int
) -> None:
    raised = ValueError("its own", 17)
    left = [after]

    def fail(result: float, func: Any, arguments: Any) -> float:
        left[0] -= 1
        if left[0] < 0:
            raise raised
        return result

    hypot.errcheck = fail
    watched = slots(hypot)
    with pytest.raises(ValueError) as caught:
        probe.measure(hypot, 3.0, 4.0, **QUICK)
    assert caught.value is raised and caught.value.args == ("its own", 17)
    assert watched.are_undone()
    del hypot.errcheck
    assert hypot(6.0, 8.0) == 10.0


def test_arguments_that_raise_come_out_unchanged() -> None:
    with pytest.raises(TypeError, match="real number|float"):
        probe.measure(math.sqrt, "two", progress=False)
    with pytest.raises(ZeroDivisionError):
        probe.measure(lambda: 1 // 0, progress=False)


@pytest.mark.parametrize("engine", ["ladder", "timeline"])
def test_an_interrupt_undoes_every_hook(
    hypot: Any, slots: Callable[[Any], Slots], engine: str
) -> None:
    watched = slots(hypot)
    for delay_s in (0.12, 0.3, 0.5):
        timer = threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            probe.measure(hypot, 3.0, 4.0, engine=engine, rounds=20000, passes=50, progress=False)
        timer.join()
        assert watched.are_undone()
        assert hypot(6.0, 8.0) == 10.0


@pytest.mark.parametrize("f, args", [(math.sqrt, (2.0,)), (len, ((),))])
def test_builtins_are_left_as_they_were(f: Any, args: Any, slots: Callable[[Any], Slots]) -> None:
    watched = slots(f)
    probe.measure(f, *args, **QUICK)
    assert watched.are_undone()


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_calls_of_other_threads_are_not_disturbed(hypot: Any, seconds: int) -> None:
    """Each thread calls what is being measured, with arguments of its own: a stub's result would
    be another's, and a thread-state call left out would end the process."""
    stop = threading.Event()
    wrong: List[Any] = []
    counts = [0] * 8

    def work(k: int) -> None:
        a, b = 5.0 * (k + 1), 12.0 * (k + 1)
        library = ctypes.CDLL("libm.so.6")
        own = library.hypot
        own.argtypes, own.restype = [ctypes.c_double, ctypes.c_double], ctypes.c_double
        while not stop.is_set():
            got = (hypot(a, b), own(a, b), math.hypot(a, b))
            counts[k] += 1
            if got != (13.0 * (k + 1),) * 3:
                wrong.append((k, got))
                return

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    try:
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s and not wrong:
            for measure in (
                lambda: probe.measure(hypot, 3.0, 4.0, max_calls=1500, progress=False),
                lambda: probe.measure(math.hypot, 3.0, 4.0, max_calls=1500, progress=False),
                lambda: probe.timeline(hypot, 3.0, 4.0, calls=200, progress=False),
            ):
                try:
                    measure()
                except probe.MeasuringFailed:
                    pass  # so many threads may leave it no round without a switch
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == [] and all(counts)


def test_one_measurement_at_a_time() -> None:
    with pytest.raises(probe.Busy, match="running in this process"):
        probe.measure(lambda: probe.measure(len, (), progress=False), progress=False)
    entered, leave = threading.Event(), threading.Event()

    def f() -> None:
        entered.set()
        leave.wait()

    thread = threading.Thread(target=probe.measure, args=(f,), kwargs={"max_calls": 1})
    thread.start()
    entered.wait()
    try:
        with pytest.raises(probe.Busy):
            probe.measure(len, (), progress=False)
    finally:
        leave.set()
        thread.join()


def test_measuring_in_another_thread_works(hypot: Any) -> None:
    found: List[probe.Breakdown] = []

    def work() -> None:
        found.append(probe.measure(hypot, 3.0, 4.0, **QUICK))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0].total is not None


def test_a_function_that_forks_is_refused() -> None:
    before = os.getpid()
    with pytest.raises(probe.Forks, match="fork"):
        probe.measure(os.fork, progress=False)
    assert os.getpid() == before
    while True:  # its child ended at once
        try:
            pid, status = os.wait()
        except ChildProcessError:
            break
        assert status == 0


def test_a_fork_elsewhere_leaves_the_child_able_to_measure(hypot: Any) -> None:
    assert probe.measure(hypot, 3.0, 4.0, **QUICK).total
    pid = os.fork()
    if pid == 0:
        try:
            fine = probe.measure(hypot, 3.0, 4.0, **QUICK).total is not None
        finally:
            os._exit(0 if fine else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_gc_stays_as_it_was() -> None:
    import gc

    gc.disable()
    try:
        probe.measure(len, (), **QUICK)
        assert not gc.isenabled()
    finally:
        gc.enable()


def phase_names(found: probe.Breakdown) -> List[str]:
    return [part.name for part in found.phases]


def test_the_stub_of_a_function_that_gives_an_object_gives_a_reference() -> None:
    """ctypes uses it up with each call: of objects that live on, and of fresh ones."""
    api = ctypes.PyDLL(None)
    item, fresh, kept = api.PySequence_GetItem, api.PyLong_FromLong, api.PyList_New
    item.restype = fresh.restype = kept.restype = ctypes.py_object
    item.argtypes, fresh.argtypes = [ctypes.py_object, ctypes.c_ssize_t], [ctypes.c_long]
    kept.argtypes = [ctypes.c_ssize_t]
    text = ["".join(["one"] * 3)]
    before = sys.getrefcount(text[0])
    three = ["dispatch", "marshalling", "compute"]
    assert phase_names(probe.measure(item, text, 0, **QUICK)) == three
    after = sys.getrefcount(text[0])
    assert after == before and text == ["oneoneone"]
    for _ in range(2):
        assert phase_names(probe.measure(fresh, 1 << 40, **QUICK)) == three
    warnings = probe.measure(kept, 0, **QUICK).warnings
    assert any("keep alive" in warning for warning in warnings), warnings
