# SPDX-License-Identifier: MIT
"""Callables of every binding, as others have built them: an honest answer for each. Those that no
package at hand holds are built here, by slow tests, which need a network and a C++ compiler."""

import datetime
import importlib
import operator
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, List

import pytest

import probe
from conftest import QUICK
from probe import _probe

PYBIND11 = """
#include <pybind11/pybind11.h>
int add(int a, int b) { return a + b; }
struct Thing { int k = 1; int plus(int a) { return a + k; } };
PYBIND11_MODULE(made_pybind11, m) {
    m.def("add", &add);
    pybind11::class_<Thing>(m, "Thing").def(pybind11::init<>()).def("plus", &Thing::plus);
}
"""
NANOBIND = """
#include <nanobind/nanobind.h>
int add(int a, int b) { return a + b; }
struct Thing { int k = 1; int plus(int a) { return a + k; } };
NB_MODULE(made_nanobind, m) {
    m.def("add", &add);
    nanobind::class_<Thing>(m, "Thing").def(nanobind::init<>()).def("plus", &Thing::plus);
}
"""
CYTHON = """
# cython: language_level=3, binding=True
def add(int a, int b):
    return a + b

cdef class Thing:
    cpdef int plus(self, int a):
        return a + 1
"""


def honest(f: Any, *args: Any) -> probe.Breakdown:
    """Phases that sum to the total; what is merged, or not reached, said; nothing left behind."""
    before = f(*args)
    b = probe.measure(f, *args, **QUICK)
    assert b.total is not None and b.total.value > 0
    total = b.total.value + (b.overlap.value if b.overlap else 0.0)
    assert sum(part.value.value for part in b.phases) == pytest.approx(total, rel=1e-6)
    merged = [part for part in b.parts if "+" in part.name and "compute" in part.name]
    assert bool(merged) == (b.compute is None)
    assert b.compute is not None or any("one" in w or "hooked" in w for w in b.warnings)
    assert f(*args) == before
    return b


@pytest.mark.parametrize(
    "f, args",
    [
        (re.compile("b+").findall, ("abbc",)),
        (datetime.date(2020, 2, 29).isoformat, ()),
        (datetime.date.isoformat, (datetime.date(2020, 2, 29),)),
        (operator.itemgetter(1), ([1, 2],)),
        ({"a": 1}.get, ("a",)),
        (b"x-y".split, (b"-",)),
        (int.from_bytes, (b"\1\2", "little")),
    ],
    ids=["fastcall method", "bound", "descriptor", "tp_call", "dict", "bytes", "classmethod"],
)
def test_a_method_of_an_extension_type(f: Any, args: Any) -> None:
    b = honest(f, *args)
    assert b.path == "direct" and b.subphases["call"] is not None


def test_a_cython_function_of_someone_elses_package() -> None:
    pytest.importorskip("pandas")
    lib: Any = importlib.import_module("pandas._libs.lib")
    b = honest(lib.is_scalar, 1.0)
    assert b.path == "direct" and b.dispatch is not None


def test_a_numpy_method_and_a_reduction() -> None:
    numpy = pytest.importorskip("numpy")
    honest(numpy.arange(10.0).sum)
    honest(numpy.add.reduce, numpy.arange(10.0))


def test_a_lambda_around_a_ctypes_function(hypot: Any) -> None:
    """Python all the way down to the call that it makes: a total, and where to look further."""
    whole = probe.measure(lambda a, b: hypot(a, b), 3.0, 4.0, **QUICK)
    assert whole.path == "python" and whole.phases == () and whole.total is not None
    assert any("give the native function" in w for w in whole.warnings)


def pip(folder: Path, *packages: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--target",
        str(folder),
        *packages,
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        pytest.skip(done.stdout.decode(errors="replace").strip().splitlines()[-1])


def compiled(folder: Path, name: str, command: List[str]) -> Any:
    include = sysconfig.get_paths()["include"]
    target = str(folder / (name + sysconfig.get_config_var("EXT_SUFFIX")))
    shared = ["-shared", "-fPIC", "-O1", "-fvisibility=hidden", "-I" + include, "-o", target]
    subprocess.run([command[0], *shared, *command[1:]], check=True)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def made(binding: str, folder: Path) -> Any:
    """A module with a function and a class, as the binding's own documentation builds them."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if not compiler:
        pytest.skip("there is no C++ compiler: apt-get install g++")
    installed = folder / "installed"
    if binding == "cython":
        pip(installed, "cython>=3")
        (folder / "made_cython.pyx").write_text(CYTHON)
        cythonize = [sys.executable, "-m", "cython", "made_cython.pyx"]
        subprocess.run(cythonize, cwd=str(folder), check=True, env={"PYTHONPATH": str(installed)})
        return compiled(folder, "made_cython", ["cc", str(folder / "made_cython.c")])
    pip(installed, binding)
    source = folder / ("made_%s.cpp" % binding)
    source.write_text(PYBIND11 if binding == "pybind11" else NANOBIND)
    package = installed / binding
    command = [compiler, "-std=c++17", "-I" + str(package / "include"), str(source)]
    if binding == "nanobind":
        command += ["-DNDEBUG", "-fno-strict-aliasing", str(package / "src" / "nb_combined.cpp")]
        command += ["-I" + str(package / "ext" / "robin_map" / "include")]
    return compiled(folder, "made_" + binding, command)


@pytest.mark.slow
@pytest.mark.parametrize("binding", ["cython", "pybind11", "nanobind"])
def test_a_function_and_a_method_of(binding: str, tmp_path: Path) -> None:
    module = made(binding, tmp_path)
    for f, args in ((module.add, (2, 3)), (module.Thing().plus, (4,))):
        b = honest(f, *args)
        assert b.path == "direct", (b.path, _probe.entry_kind(f))
        assert b.dispatch is not None, b.warnings
