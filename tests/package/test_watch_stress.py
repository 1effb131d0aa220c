# SPDX-License-Identifier: MIT
"""watch() while threads call: hooks that come and go, and counts beside true ones."""

import ctypes
import sys
import threading
import time
import zlib
from typing import Any, Callable, Dict

import pytest

import probe

CALLBACK: Any = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def stress(rounds: int, call: Callable[[], Any], expected: Any, *modules: Any) -> int:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # else each round waits for eight turns of the GIL
    stop, wrong, seen = threading.Event(), [], 0

    def work() -> None:
        while not stop.is_set():
            for _ in range(50):
                if call() != expected:
                    wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        for k in range(rounds):
            with probe.watch(*modules, phases=bool(k % 2)) as w:
                time.sleep(0.005)
                patience = 200
                while w.calls == 0 and patience:  # on a busy machine no thread may have run
                    time.sleep(0.02)
                    patience -= 1
            assert w.calls > 0
            seen += w.calls
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert not wrong
    return seen


@pytest.mark.parametrize("rounds", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_hooks_come_and_go_while_threads_call(strlen: Any, watched: Any, rounds: int) -> None:
    assert stress(rounds, lambda: strlen(b"abc"), 3) > 0
    assert stress(rounds, lambda: zlib.crc32(b"abc"), 891568578, "zlib") > 0
    assert stress(rounds, lambda: watched.function(1, 2), 2, watched) > 0
    assert stress(rounds, lambda: watched.called(1, 2), 2, watched) > 0


def test_a_dict_of_counts_is_the_true_one(strlen: Any) -> None:
    """Calls made of threads, callbacks and errors at once, against a count kept by hand."""
    true: Dict[str, int] = {"strlen": 0, "crc32": 0}
    lock = threading.Lock()

    @CALLBACK  # type: ignore[misc, untyped-decorator, unused-ignore]
    def back(n: int) -> int:
        work(n - 1)
        return 0

    def work(n: int) -> None:
        with lock:
            true["strlen"] += 2
            true["crc32"] += 1
        strlen(b"abc")
        zlib.crc32(b"abc")
        try:
            strlen(1.5)
        except ctypes.ArgumentError:
            pass
        if n > 0:
            back(n)

    with probe.watch("zlib") as w:
        threads = [threading.Thread(target=work, args=(k % 5,)) for k in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {name: w[name].calls for name in true} == true
