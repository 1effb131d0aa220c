# SPDX-License-Identifier: MIT
"""PyO3: every type and role through both paths, and what is told where it can't be built."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import ROOT
from test_bindings import interpreters

BINDINGS = ROOT / "workloads" / "bindings"
sys.path[:0] = [str(BINDINGS), str(ROOT / "ext" / "probe"), str(ROOT / "tests" / "py")]

import _model  # noqa: E402
import _pyo3  # noqa: E402
import _pyo3_rust  # noqa: E402
import check_pyo3  # noqa: E402
from _toolchain import BuildError, Toolchain  # noqa: E402

needs_cargo = pytest.mark.skipif(not shutil.which("cargo"), reason="there is no cargo")


def check(executable: str, cache: Path, path: str) -> Dict[str, str]:
    """What the checker says of each function."""
    folder = cache / "pyo3" / re.sub(r"\W", "_", executable)
    folder.mkdir(parents=True, exist_ok=True)
    checker = str(ROOT / "tests" / "py" / "check_pyo3.py")
    done = subprocess.run(
        [executable, checker, str(ROOT), str(folder), path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert set(said) == {case.prototype["name"] for case in check_pyo3.CASES}
    return said


def refused(said: Dict[str, str]) -> List[str]:
    return [name for name, what in said.items() if what != "ok"]


@needs_cargo
@pytest.mark.slow  # cargo builds PyO3 first
def test_default_interpreter(python: str, cache: Path) -> None:
    assert not refused(check(python, cache, "pyo3"))


@needs_cargo
@pytest.mark.slow
@pytest.mark.parametrize("executable", interpreters())
def test_every_interpreter(executable: str, cache: Path) -> None:
    buffers = [case.prototype["name"] for case in check_pyo3.BUFFERS]
    assert not refused(check(executable, cache, "pyo3+nogil+positional"))
    old = check(executable, cache, "pyo3-abi3")
    assert refused(old) == buffers
    assert all("3.11" in old[name] for name in buffers)
    version = subprocess.check_output([executable, "-c", "import sys; print(sys.hexversion)"])
    if int(version) >= 0x030B0000:
        assert not refused(check(executable, cache, "pyo3-abi3+py311+nogil"))


class Told(Toolchain):
    """A toolchain whose tools only say something."""

    def __init__(self, folder: Path, said: str) -> None:
        super().__init__("cc", str(folder / "logs"))
        self.said = said

    def run(self, command: Any, what: str, name: str, **options: Any) -> str:
        return self.said


ADD = check_pyo3.function(
    "add", "int", [check_pyo3.param("a", "int"), check_pyo3.param("b", "int")]
)


def build(cc: Toolchain, folder: Path, *options: str, abi3: bool = False) -> None:
    generator = _pyo3.Generator("_pb_test_", abi3)
    generator.build(ADD, str(folder), cc, str(folder), frozenset(options))


def test_old_rust(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"needs Rust 1\.8\d.* rustc 1\.63\.0: install .*rustup"):
        build(Told(tmp_path, "rustc 1.63.0 (4b91a6ea7 2022-08-08)\n"), tmp_path)


@pytest.mark.parametrize("version", [(3, 7, 9), (3, 16, 0)])
def test_other_versions(monkeypatch: Any, tmp_path: Path, version: Any) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(BuildError, match=r"CPython 3\.8 to 3\.15, not 3\.%d" % version[1]):
        build(Told(tmp_path, "rustc 1.90.0"), tmp_path)


@pytest.mark.parametrize(
    "version, free_threaded, pin, feature",
    [
        ((3, 8), False, "0.29.3", "abi3-py38"),
        ((3, 9), False, "0.30.1", "abi3-py39"),
        ((3, 15), False, "0.30.1", "abi3-py39"),
        ((3, 13), True, "0.28.3", None),
        ((3, 14), True, "0.30.1", None),
        ((3, 15), True, "0.30.1", "abi3t-py315"),
    ],
)
def test_pins(monkeypatch: Any, version: Any, free_threaded: bool, pin: str, feature: Any) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(_pyo3, "_free_threaded", lambda: free_threaded)
    assert _pyo3._pin().pyo3 == pin
    lock = (BINDINGS / "_pyo3" / ("pyo3-%s.lock" % pin)).read_text(encoding="utf-8")
    assert 'name = "pyo3"\nversion = "%s"' % pin in lock
    if feature is None:
        with pytest.raises(_model.Inexpressible, match="no stable ABI before 3.15"):
            _pyo3._abi3_feature(frozenset())
    else:
        assert _pyo3._abi3_feature(frozenset()) == feature


def test_a_long_tuple_is_told(tmp_path: Path) -> None:
    fields = [{"name": "f%d" % i, "type": "int"} for i in range(13)]
    prototype = check_pyo3.function(
        "take",
        "int",
        [check_pyo3.param("s", "struct long_one")],
        [{"type": "struct long_one", "fields": fields}],
    )
    with pytest.raises(_model.Inexpressible, match="at most 12"):
        _pyo3_rust.source(prototype, "m", "", frozenset())


@needs_cargo
def test_no_network_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    """With an empty cargo home and no network the one line says what to do."""
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("CARGO_NET_OFFLINE", "true")
    maturin = tmp_path / "maturin"
    maturin.write_text("#!/bin/sh\nexec cargo metadata --locked\n")
    maturin.chmod(0o755)
    monkeypatch.setattr(_pyo3, "_maturin", lambda: str(maturin))
    with pytest.raises(BuildError, match="connect to a network"):
        build(Toolchain("cc", str(tmp_path / "logs")), tmp_path)
