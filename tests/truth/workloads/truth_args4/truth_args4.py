# SPDX-License-Identifier: MIT
"""4 integer arguments."""


def truth_args4(a: int, b: int, c: int, d: int) -> int:
    return a + b + c + d
