# SPDX-License-Identifier: MIT
"""The dot product of the first values of two sequences, in order, in pure Python.

Of NumPy arrays too: no `@`, which would be native code and another workload.
"""

from typing import Sequence


def dot(a: Sequence[float], b: Sequence[float], count: int) -> float:
    total = 0.0
    for i in range(count):
        total += a[i] * b[i]
    return float(total)
