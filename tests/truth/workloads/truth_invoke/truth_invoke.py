# SPDX-License-Identifier: MIT
"""A known delay around ffi_call."""


def truth_invoke(a: int, b: int) -> int:
    return a + b
