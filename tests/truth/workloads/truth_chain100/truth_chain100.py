# SPDX-License-Identifier: MIT
"""A chain of dependent multiplications, about 100 ns."""


def truth_chain100(a: int, b: int) -> int:
    return a if b == 1 else 0
