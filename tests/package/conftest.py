# SPDX-License-Identifier: MIT
"""What the tests of the package share. They run on CPython 3.8 and later, where it is installed."""

import ctypes
import signal
import sys
from typing import Any, Callable, Dict, List

import pytest

import probe
from probe import _probe

# Where these tests run in the background, SIGINT may be ignored: then nothing ends what waits for it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Enough for figures with intervals, and quick.
QUICK: Dict[str, Any] = {"rounds": 20, "passes": 1, "progress": False}


def word_at(address: int) -> Any:
    return ctypes.c_void_p.from_address(address).value


def _method_slot(f: Any) -> int:
    """Where PyMethodDef.ml_meth of a built-in function lies."""
    definition = word_at(id(f) + object.__basicsize__)
    return int(definition) + ctypes.sizeof(ctypes.c_void_p)


class Slots:
    """Every pointer that measuring this callable may replace, to be compared before and after."""

    def __init__(self, f: Any) -> None:
        self.addresses: List[int] = []
        ctypes_function: Any = getattr(ctypes, "_CFuncPtr")
        if isinstance(f, ctypes_function):
            import _ctypes

            self.addresses.append(ctypes.addressof(f))
            for symbol in ("PyEval_SaveThread", "PyEval_RestoreThread", "ffi_call"):
                try:
                    self.addresses += _probe.got_slots(_ctypes.__file__, (symbol,))
                except (AttributeError, LookupError):
                    pass  # _ctypes is part of the interpreter
        else:
            self.addresses.append(_method_slot(f))
        self.before = self.read()

    def read(self) -> List[Any]:
        return [word_at(address) for address in self.addresses]

    def are_undone(self) -> bool:
        return self.read() == self.before


@pytest.fixture
def hypot() -> Any:
    f = ctypes.CDLL("libm.so.6").hypot
    f.argtypes, f.restype = [ctypes.c_double, ctypes.c_double], ctypes.c_double
    assert f(3.0, 4.0) == 5.0
    return f


@pytest.fixture
def slots() -> Callable[[Any], Slots]:
    return Slots


@pytest.fixture(autouse=True)
def _free() -> Any:
    """No test leaves a measurement behind, nor gc switched off."""
    import gc

    yield
    assert gc.isenabled()
    probe.measure(len, (), max_calls=1, progress=False)


def pytest_report_header() -> str:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return "probe %s, GIL %s" % (probe.__version__, "on" if gil else "off")


@pytest.fixture(scope="session")
def watched(tmp_path_factory: Any) -> Any:
    """The extension of watched.cpp, built for this interpreter."""
    import importlib.util
    import os
    import subprocess
    import sysconfig
    from pathlib import Path

    folder = tmp_path_factory.mktemp("watched")
    library = str(folder / ("watched" + str(sysconfig.get_config_var("EXT_SUFFIX"))))
    include = ["-I" + sysconfig.get_path(name) for name in ("include", "platinclude")]
    source = str(Path(__file__).with_name("watched.cpp"))
    command = [os.environ.get("CXX", "c++"), "-O1", "-fPIC", "-shared", *include]
    subprocess.run([*command, "-o", library, source], check=True)
    spec = importlib.util.spec_from_file_location("watched", library)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def strlen() -> Any:
    f = ctypes.CDLL(None).strlen
    f.restype, f.argtypes = ctypes.c_size_t, [ctypes.c_char_p]
    return f
