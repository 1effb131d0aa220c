# SPDX-License-Identifier: MIT
"""The sum of six numbers, in pure Python."""


def mixed6(a: int, b: int, c: int, d: int, e: int, f: float) -> float:
    return a + b + c + d + e + f
