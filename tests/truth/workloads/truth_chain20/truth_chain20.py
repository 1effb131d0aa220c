# SPDX-License-Identifier: MIT
"""A chain of dependent multiplications, about 20 ns."""


def truth_chain20(a: int, b: int) -> int:
    return a if b == 1 else 0
