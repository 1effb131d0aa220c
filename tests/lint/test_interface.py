# SPDX-License-Identifier: MIT
"""The library's interface: headers that stand alone, and no symbol too many or too few."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import List, Set

import pytest

from conftest import PROBE_BIN, PUBLIC, ROOT

LIBRARY = PROBE_BIN.parent / "libprobe.so"
CC = os.environ.get("CC", "cc")
CXX = os.environ.get("CXX", "c++")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror"]


def compiles_alone(header: Path, command: List[str]) -> None:
    """Included twice, and nothing before it."""
    line = '#include "probe/%s"\n' % header.name
    done = subprocess.run(
        [*command, *WARNINGS, "-fsyntax-only", "-I", str(ROOT / "libprobe" / "include"), "-"],
        input=line + line,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("header", PUBLIC, ids=lambda path: path.name)
def test_a_public_header_compiles_alone_as_c11(header: Path) -> None:
    compiles_alone(header, [*CC.split(), "-std=c11", "-Wstrict-prototypes", "-x", "c"])


@pytest.mark.parametrize("header", PUBLIC, ids=lambda path: path.name)
def test_a_public_header_compiles_alone_as_cpp(header: Path) -> None:
    if not shutil.which(CXX.split()[0]):
        pytest.skip("there is no C++ compiler: apt-get install g++")
    compiles_alone(header, [*CXX.split(), "-std=c++11", "-x", "c++"])


def exported() -> Set[str]:
    """The symbols that the shared library defines for others."""
    assert LIBRARY.exists(), "build it first: make"
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", str(LIBRARY)],
        stdout=subprocess.PIPE,
        check=True,
        universal_newlines=True,
    )
    return {line.split()[-1].split("@")[0] for line in listed.stdout.splitlines() if line}


def declared() -> Set[str]:
    """The functions that the public headers promise."""
    found: Set[str] = set()
    for header in PUBLIC:
        plain = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
        for declaration in re.findall(r"\bPROBE_API\b([^;]*);", plain):
            found |= set(re.findall(r"\b(probe_\w+)\s*\(", declaration)[:1])
    return found


def test_only_the_public_interface_is_exported() -> None:
    assert sorted(exported() - declared()) == []


def test_all_of_the_public_interface_is_exported() -> None:
    assert declared()
    assert sorted(declared() - exported()) == []


def test_the_library_needs_no_python() -> None:
    listed = subprocess.run(
        ["nm", "-D", "--undefined-only", str(LIBRARY)],
        stdout=subprocess.PIPE,
        check=True,
        universal_newlines=True,
    )
    assert not re.findall(r"\b_?Py[A-Z]\w*", listed.stdout)
