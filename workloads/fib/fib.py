# SPDX-License-Identifier: MIT
"""The naive Fibonacci recursion, in pure Python."""


def fib(n: int) -> int:
    if n < 2:
        return 1
    return fib(n - 1) + fib(n - 2)
