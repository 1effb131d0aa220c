# SPDX-License-Identifier: MIT
"""What watch() says of times: robust against neighbours, and each nanosecond counted once."""

import ctypes
import json
import os
import subprocess
import sys
import time
import zlib
from typing import Any

import pytest

import probe

BOTH = pytest.mark.parametrize("phases", [False, True], ids=["totals", "phases"])
BUSY = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nprint(flush=True)\nwhile 1: pass"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity to be set here")
def test_a_neighbour_on_the_cpu_is_not_the_calls() -> None:
    """Beside one that computes, half of the time is the neighbour's: a call of microseconds that
    was preempted seems to take milliseconds."""
    allowed = os.sched_getaffinity(0)
    cpu, data = min(allowed), b"x" * 10000
    neighbour = subprocess.Popen([sys.executable, "-c", BUSY, str(cpu)], stdout=subprocess.PIPE)
    try:
        assert neighbour.stdout is not None and neighbour.stdout.readline()
        os.sched_setaffinity(0, {cpu})
        with probe.watch("zlib") as w:
            used = time.thread_time()
            for _ in range(20000):
                zlib.crc32(data)
            used = (time.thread_time() - used) * 1e9
    finally:
        os.sched_setaffinity(0, allowed)
        neighbour.kill()
        neighbour.wait()
        if neighbour.stdout is not None:
            neighbour.stdout.close()
    f = w["crc32"]
    assert f.total_ns is not None and f.mean_ns is not None and f.midmean_ns is not None
    assert f.total_ns < 1.2 * used and f.midmean_ns * f.returned < 1.2 * used
    assert f.preempted > 0 and f.off_cpu_ns > 0.2 * f.total_ns
    assert any("preempted" in warning for warning in w.warnings)


def test_a_wait_is_the_calls_own() -> None:
    usleep = ctypes.CDLL(None).usleep
    with probe.watch() as w:
        for _ in range(20):
            usleep(2000)
    assert w["usleep"].mean_ns is not None and w["usleep"].mean_ns > 1.9e6
    assert w["usleep"].midmean_ns is not None and w["usleep"].midmean_ns > 1.9e6


@BOTH
def test_exclusive_times_add_up_to_no_more_than_the_block(watched: Any, phases: bool) -> None:
    usleep = ctypes.CDLL(None).usleep
    callback = ctypes.CFUNCTYPE(None, ctypes.c_int)

    @callback
    def back(n: int) -> None:
        usleep(1000)
        if n:
            again(n - 1)

    again = callback(ctypes.cast(back, ctypes.c_void_p).value or 0)
    with probe.watch(watched, phases=phases) as w:
        again(5)
        watched.repeats(watched.noargs)
    inclusive = sum(f.total_ns or 0.0 for f in w)
    exclusive = sum(f.exclusive_ns or 0.0 for f in w)
    assert inclusive > 1.5 * w.wall_ns  # each level of the recursion holds those within
    assert 6e6 <= exclusive <= w.wall_ns
    assert (w["usleep"].exclusive_ns or 0.0) > 0.8 * exclusive
    assert (w["repeats"].exclusive_ns or 0.0) < (w["repeats"].total_ns or 0.0)


def test_phases_of_nested_calls_add_up_to_the_call(strlen: Any) -> None:
    """What hooks within cost is taken out where they are: here in the conversion of arguments."""

    class Counts:
        @classmethod
        def from_param(cls, value: bytes) -> Any:
            for _ in range(10):
                strlen(value)
            return ctypes.c_char_p(value)

    outer = ctypes.CDLL(None)["strnlen"]
    outer.restype, outer.argtypes = ctypes.c_size_t, [Counts, ctypes.c_size_t]
    with probe.watch(phases=True) as w:
        for _ in range(500):
            assert outer(b"abc", 10) == 3
    f = w["strnlen"]
    assert w["strlen"].calls == 5000 and f.mean_ns is not None
    if f.split + f.preempted == f.returned and len(f.phases) == 3:
        values = {part.name: part.value.value for part in f.phases}
        assert abs(sum(values.values()) - f.mean_ns) < 0.02 * f.mean_ns + 1
        assert values["marshalling"] <= f.mean_ns * 1.02
        assert values["compute"] > -0.05 * f.mean_ns


def test_values_in_every_form() -> None:
    with probe.watch("zlib") as w:
        for _ in range(100):
            zlib.crc32(b"abc")
    row = json.loads(json.dumps(w.to_dict()))["functions"][0]
    names = ("midmean_ns", "exclusive_ns", "preempted", "off_cpu_ns")
    assert all(name in row for name in names)
    assert all(name in w.to_csv().splitlines()[0].split(",") for name in names)
    for text in (repr(w), w._repr_html_()):
        assert "midmean" in text and "exclusive" in text
