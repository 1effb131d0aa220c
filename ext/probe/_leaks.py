# SPDX-License-Identifier: MIT
"""What a measured function leaves behind: descriptors, threads and memory, before and after its calls.

A call is made tens of thousands of times, so that what each of them keeps is soon too much.
"""

import gc
import os
import time
from typing import Callable, List, Optional

# A cache that fills up once, or a thread pool that is started, is no leak.
_LEAST_COUNT, _LEAST_BYTES = 8, 1 << 20
_BATCHES, _BATCH_CALLS, _BATCH_S = 3, 20000, 0.1


def _count(folder: str) -> Optional[int]:
    """None where it can't be told: with no descriptor left, for one."""
    try:
        return len(os.listdir(folder))
    except OSError:
        return None


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm", "rb") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class Watch:
    """Of one process: made before the calls; asked for what there is to say after them."""

    def __init__(self) -> None:
        self.descriptors = _count("/proc/self/fd")
        self.threads = _count("/proc/self/task")
        self.bytes = _resident_bytes()

    def told(self, called: int, again: Optional[Callable[[], object]] = None) -> List[str]:
        """Warnings. again: makes the call once more; without it memory is judged by its growth."""
        found = []
        after = _count("/proc/self/fd")
        least = min(_LEAST_COUNT, max(2, called // 2))
        if self.descriptors is not None and after is None:
            found.append("it leaves descriptors open: there is none left")
        elif self.descriptors is not None and after is not None:
            more = after - self.descriptors
            if more >= least:
                found.append("it leaves descriptors open: " + _share(more, called))
        threads = _count("/proc/self/task")
        if self.threads is not None and threads is not None and threads - self.threads >= least:
            found.append("it leaves threads running: " + _share(threads - self.threads, called))
        if not found or "descriptors" not in found[0]:
            found += self.memory(called, again)
        return found

    def memory(self, called: int, again: Optional[Callable[[], object]]) -> List[str]:
        if not called or _resident_bytes() - self.bytes < _LEAST_BYTES:
            return []
        gc.collect()  # it is off while something is measured
        grown = _resident_bytes() - self.bytes
        if grown < _LEAST_BYTES:
            return []
        a_call = grown / called
        if again is not None:
            a_call = _growth(again, min(called, _BATCH_CALLS))
        if a_call < 8:
            return []
        return ["it keeps memory: about %.0f bytes a call" % a_call]


def _share(more: int, called: int) -> str:
    """Roughly, so that processes agree on it."""
    if more * 2 >= called:
        return "%d a call" % max(1, round(more / called))
    return "one in about %.0f calls" % float("%.0e" % (called / more))


def _growth(again: Callable[[], object], calls: int) -> float:
    """Bytes a call, where each of several batches grows; 0 where one does not. What the collector
    gives back is not kept: it is off meanwhile, and so asked for."""
    total, made = 0, 0
    for _ in range(_BATCHES):
        before, end_s = _resident_bytes(), time.perf_counter() + _BATCH_S
        for _ in range(calls):
            again()
            made += 1
            if time.perf_counter() > end_s:
                break
        gc.collect()
        grown = _resident_bytes() - before
        if grown <= 0:
            return 0.0
        total += grown
    return total / made
