# SPDX-License-Identifier: MIT
"""The package and the command call the same thing the same, and split it the same; needs the command
($PROBE_COMMAND)."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

import probe
from conftest import QUICK

pytestmark = pytest.mark.skipif(
    "PROBE_COMMAND" not in os.environ, reason="PROBE_COMMAND names no command"
)

MODULE = """\
import ctypes, functools, math, os
import cffi

hypot = ctypes.CDLL("libm.so.6").hypot
hypot.argtypes, hypot.restype = [ctypes.c_double] * 2, ctypes.c_double
untyped = ctypes.CDLL("libc.so.6").labs
_ffi = cffi.FFI()
_ffi.cdef("double hypot(double, double);")
abi = _ffi.dlopen("libm.so.6").hypot


def twice(x):
    return 2 * x


def add(x, y):
    for _ in range(20):
        pass
    return x + y


class Callable:
    def __call__(self, x):
        return x

    def method(self, x):
        return x


called, bound, partly = Callable(), Callable().method, functools.partial(math.hypot, 3.0)


def yields(x):
    yield x


def forks(x):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def late(x):
    return (i for i in range(x))
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: Any) -> Iterator[Any]:
    pytest.importorskip("cffi")
    folder = tmp_path_factory.mktemp("both")
    (folder / "of_both.py").write_text(MODULE)
    before = os.getcwd()
    os.chdir(str(folder))
    sys.path.insert(0, str(folder))
    yield importlib.import_module("of_both")
    sys.path.remove(str(folder))
    os.chdir(before)


def same(name: str, args: str, *values: Any) -> probe.Breakdown:
    """What the package finds, after the command has found the same."""
    module, _, attribute = name.partition(":")
    f = getattr(importlib.import_module(module), attribute)
    mine = probe.measure(f, *values, **QUICK)
    run = probe.run(
        name, args=args, interpreters=sys.executable, preset="fast", passes=1, rounds=20,
        progress=False,
    )  # fmt: skip
    (its,) = run.cells
    assert its.status == "ok", its.reason
    assert (its.binding, its.path) == (mine.binding, mine.path)
    assert its.prepared == mine.prepared
    assert [part.subphases for part in its.parts] == [part.subphases for part in mine.parts]
    assert (its.empty_call is None) == (mine.empty_call is None)
    kinds = ("can't be told apart", "shown as one", "has no binding", "a class is called")
    for kind in kinds:
        said = [any(kind in w for w in b.warnings) for b in (mine, its)]
        assert said[0] == said[1], (kind, mine.warnings, its.warnings)
    return mine


@pytest.mark.parametrize(
    "name, args, values, binding",
    [
        ("of_both:hypot", "3.0, 4.0", (3.0, 4.0), "ctypes"),
        ("of_both:untyped", "-3", (-3,), "ctypes-untyped"),
        ("of_both:abi", "3.0, 4.0", (3.0, 4.0), "cffi-abi"),
        ("of_both:twice", "3", (3,), "python"),
        ("of_both:called", "3", (3,), "python"),
        ("of_both:bound", "3", (3,), "python"),
        ("of_both:partly", "4.0", (4.0,), "direct"),
        ("of_both:Callable", "", (), "direct"),
        ("math:hypot", "3.0, 4.0", (3.0, 4.0), "direct"),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" in value else "",
)
def test_what_a_callable_is(module: Any, name: str, args: str, values: Any, binding: str) -> None:
    b = same(name, args, *values)
    assert b.binding == binding
    if binding in ("ctypes", "cffi-abi"):
        assert b.compute is not None


def test_cffi_in_api_mode(module: Any) -> None:
    import cffi

    ffi = cffi.FFI()
    ffi.cdef("double hypot(double, double);")
    ffi.set_source("of_both_api", "#include <math.h>", libraries=["m"])
    ffi.compile(verbose=False)
    Path("of_both_lib.py").write_text("from of_both_api import lib\nhypot = lib.hypot\n")
    importlib.invalidate_caches()
    b = same("of_both_lib:hypot", "3.0, 4.0", 3.0, 4.0)
    assert b.binding == "cffi-api"
    detach = b.subphases["detach"]
    assert detach is not None and detach.subphases == ("detach", "attach")
    assert b.compute is not None and b.marshalling is not None


def test_calls_back(module: Any) -> None:
    b = same("_functools:reduce", "callback:of_both:add, [1, 2, 3]", module.add, [1, 2, 3])
    assert b.binding == "direct"
    python, callback = b.subphases["python"], b.subphases["callback"]
    assert python is not None and python.subphases == ("python",)
    assert callback is not None and "compute" in callback.subphases
    assert python.value.value > callback.value.value  # add() does most of it


@pytest.mark.parametrize("name", ["yields", "late", "forks"])
def test_what_cannot_be_measured_is_refused(module: Any, name: str) -> None:
    with pytest.raises((probe.Unmeasurable, probe.Forks)) as mine:
        probe.measure(getattr(module, name), 3, **QUICK)
    command = [os.environ["PROBE_COMMAND"], "run", "of_both:" + name, "--args", "3", "-i"]
    done = subprocess.run(
        [*command, sys.executable], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 2
    assert str(mine.value) in done.stderr.replace("of_both:" + name, name)
