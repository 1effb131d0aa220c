# SPDX-License-Identifier: MIT
"""A known delay in front of the target."""


def truth_long(a: int, b: int) -> int:
    return a + b
