# SPDX-License-Identifier: MIT
"""1 integer argument."""


def truth_args1(a: int) -> int:
    return a
