# SPDX-License-Identifier: MIT
"""Calls a Python function back that takes a known time."""

from typing import Callable

import _probe  # type: ignore[import-not-found]

STEPS = 20000


def called(x: int) -> int:
    _probe.spin(STEPS)
    return 2 * x


def truth_callback_python(f: Callable[[int], int], x: int) -> int:
    return f(x) + 1
