# SPDX-License-Identifier: MIT
"""A chain of dependent multiplications, about 5 ns."""


def truth_chain5(a: int, b: int) -> int:
    return a if b == 1 else 0
