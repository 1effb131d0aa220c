# SPDX-License-Identifier: MIT
"""The sum of two integers, in pure Python."""


def add(a: int, b: int) -> int:
    return a + b
