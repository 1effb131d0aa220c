# SPDX-License-Identifier: MIT
"""3 integer arguments."""


def truth_args3(a: int, b: int, c: int) -> int:
    return a + b + c
