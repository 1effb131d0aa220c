# SPDX-License-Identifier: MIT
"""Nothing, in pure Python."""


def noop() -> None:
    pass
