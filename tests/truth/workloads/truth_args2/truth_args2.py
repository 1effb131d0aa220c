# SPDX-License-Identifier: MIT
"""2 integer arguments."""


def truth_args2(a: int, b: int) -> int:
    return a + b
