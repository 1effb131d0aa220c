# SPDX-License-Identifier: MIT
"""A chain of dependent multiplications, about 1000 ns."""


def truth_chain1000(a: int, b: int) -> int:
    return a if b == 1 else 0
