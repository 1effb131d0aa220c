# SPDX-License-Identifier: MIT
"""nanobind and pybind11: every role and scalar, refusals, references, options, nanobind's cache."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import bound
from conftest import ROOT
from test_bindings import interpreters

sys.path.append(str(ROOT / "workloads" / "bindings"))
import _cpp  # noqa: E402
import _model  # noqa: E402
import _nanobind  # noqa: E402

pytestmark = pytest.mark.skipif(not shutil.which("c++"), reason="there is no C++ compiler")

# pybind11 takes 6 s of compiling for each function: these meet every role.
SOME = ["floats", "abs", "rest", "scale", "midpoint", "apply", "nothing"]


def test_nanobind(python: str, cache: Path) -> None:
    assert not bound.refused(bound.check(python, cache, "nanobind"))


def test_nanobind_is_compiled_once(python: str, cache: Path) -> None:
    bound.check(python, cache, "nanobind", "noop", "add")
    objects = list(bound.folder(python, cache).glob("*/nanobind/*.o"))
    assert objects
    times = [o.stat().st_mtime_ns for o in objects]
    bound.check(python, cache, "nanobind+keywords", "noop", "add")  # compiled on its first run
    assert [o.stat().st_mtime_ns for o in objects] == times
    assert list(bound.folder(python, cache).glob("*/nanobind/*.o")) == objects


@pytest.mark.slow
def test_nanobind_options(python: str, cache: Path) -> None:
    some = ["add", "rest", "wait_for", "midpoint", "apply"]
    chosen = "nanobind+nogil+keywords+freethreading"
    assert not bound.refused(bound.check(python, cache, chosen, *some))


def test_pybind11(python: str, cache: Path) -> None:
    assert not bound.refused(bound.check(python, cache, "pybind11", *SOME))


@pytest.mark.slow
def test_pybind11_options(python: str, cache: Path) -> None:
    some = ["add", "wait_for"]
    assert not bound.refused(bound.check(python, cache, "pybind11+nogil+keywords", *some))


def test_field_that_is_a_word_of_cpp() -> None:
    struct = {"type": "struct s", "fields": [{"type": "int", "name": "new"}]}
    params = [{"type": "struct s", "name": "s"}]
    prototype = {"name": "f", "returns": "int", "params": params, "structs": [struct]}
    with pytest.raises(_model.Inexpressible, match="called 'new'"):
        _cpp.Source(_nanobind.LIBRARY, prototype, "module", ())


@pytest.mark.slow
@pytest.mark.parametrize("executable", interpreters())
def test_every_interpreter(executable: Any, cache: Path) -> None:
    assert not bound.refused(bound.check(executable, cache, "nanobind"))
    assert not bound.refused(bound.check(executable, cache, "pybind11"))
    for path, oldest in (("nanobind-abi3", (3, 12)), ("nanobind-abi3+split+nogil", (3, 10))):
        said = bound.check(executable, cache, path)
        refused = bound.refused(said)
        if bound.free_threaded(executable) or bound.version(executable) < oldest:
            assert refused == said
            assert all("stable ABI" in reason for reason in refused.values())
        else:
            assert not refused
