# SPDX-License-Identifier: MIT
"""The length of a text in ASCII, in pure Python: characters and bytes are as many."""

from typing import Union


def string_length(text: Union[str, bytes]) -> int:
    return len(text)
