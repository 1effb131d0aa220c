# SPDX-License-Identifier: MIT
"""Calls a function once and adds one, in pure Python; and the function that is called back."""

from typing import Callable


def increment(x: int) -> int:
    return x + 1


def apply(f: Callable[[int], int], x: int) -> int:
    return f(x) + 1
