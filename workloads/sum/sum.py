# SPDX-License-Identifier: MIT
"""The sum of the first values of a sequence of floats, in order, in pure Python."""

from typing import Sequence


def sum(values: Sequence[float], count: int) -> float:
    total = 0.0
    for i in range(count):
        total += values[i]
    return total
