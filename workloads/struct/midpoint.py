# SPDX-License-Identifier: MIT
"""The point between two points, each a tuple, in pure Python."""

from typing import Tuple

Point = Tuple[float, float]


def midpoint(a: Point, b: Point) -> Point:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
