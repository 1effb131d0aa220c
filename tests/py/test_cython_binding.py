# SPDX-License-Identifier: MIT
"""Cython and Cython for the Limited API: every role and scalar, refusals, references, options."""

from pathlib import Path
from typing import Any

import pytest

import bound
from test_bindings import interpreters

# 2 s of compiling for each: these meet every scalar and role.
SOME = ["integers", "floats", "abs", "shifted", "rest", "scale", "first_bytes", "mix", "apply"]
SOME += ["midpoint", "nothing"]
BUFFERS = {"sum", "scale", "bytes_sum", "first_bytes", "buffers", "arrays", "wait_for"}


def test_default_interpreter(python: str, cache: Path) -> None:
    assert not bound.refused(bound.check(python, cache, "cython", *SOME))


@pytest.mark.slow
def test_options(python: str, cache: Path) -> None:
    some = ["add", "rest", "wait_for", "apply"]
    chosen = "cython+nogil+positional+freethreading"
    assert not bound.refused(bound.check(python, cache, chosen, *some))


@pytest.mark.slow
@pytest.mark.parametrize("executable", interpreters())
def test_every_interpreter(executable: Any, cache: Path) -> None:
    assert not bound.refused(bound.check(executable, cache, "cython"))
    refused = bound.refused(bound.check(executable, cache, "cython-abi3+nogil"))
    if bound.free_threaded(executable):
        assert all("no stable ABI" in reason for reason in refused.values())
    elif bound.version(executable) < (3, 11):
        assert set(refused) <= BUFFERS and set(refused) >= BUFFERS - {"arrays"}
        assert all("3.11" in reason for reason in refused.values())
    else:
        assert not refused
