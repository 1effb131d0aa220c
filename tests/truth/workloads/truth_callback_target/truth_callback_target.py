# SPDX-License-Identifier: MIT
"""Calls Python back after a known delay in native code."""

from typing import Callable

import _probe  # type: ignore[import-not-found]

STEPS = 0


def called(x: int) -> int:
    _probe.spin(STEPS)
    return 2 * x


def truth_callback_target(f: Callable[[int], int], x: int) -> int:
    return f(x) + 1
