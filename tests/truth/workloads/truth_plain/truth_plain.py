# SPDX-License-Identifier: MIT
"""The call that the delayed ones are held against."""


def truth_plain(a: int, b: int) -> int:
    return a + b
