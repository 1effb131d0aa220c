# SPDX-License-Identifier: MIT
"""Reads a whole file in large blocks and adds up the first byte of each, in pure Python."""

import os

BLOCK_BYTES = 65536


def file_sum(path: bytes) -> int:
    total = 0
    fd = os.open(path, os.O_RDONLY)
    try:
        while True:
            block = os.read(fd, BLOCK_BYTES)
            if not block:
                return total
            total += block[0]
    finally:
        os.close(fd)
