# SPDX-License-Identifier: MIT
"""The files of the tree: licence lines, formatting, no trace of the machine they came from."""

import ast
import json
import os
import re
import shutil
import subprocess
from typing import List

import pytest

from conftest import ROOT, text, tree

TREE = tree()
CODE = (".c", ".h", ".S", ".py", ".pyi", ".sh", ".gp", ".1", ".in", ".toml", ".yml")
# Stand-ins for a user's files: the tests that read them want them as short as they can be.
STUBS = "tests/fakehome/"
C_SOURCES = [n for n in TREE if n.endswith((".c", ".h")) and not n.startswith(STUBS)]
CLANG_FORMAT_MAJOR = 14  # other versions disagree about details

# What tells of one machine or one person; written so that this file does not match itself.
PRIVATE = {
    "a home folder": re.compile(r"(?<![\w.$}~-])/(?:home|root|Users)/[\w.]+"),
    "a checkout's own path": re.compile(re.escape(str(ROOT)) + r"\b"),
    "a package registry": re.compile(
        r"\b(?:pypi|pythonhosted|npmjs|crates)\.(?:org|io|com)\b|\bdebian\.org/debian\b"
    ),
    "a mail address": re.compile(r"\b[\w.+-]+@(?!example\.)[\w-]+\.(?:com|org|net|io|dev)\b"),
    "a note to oneself": re.compile(r"\b(?:FIX" + r"ME|XX" + r"X|HA" + r"CK|TO" + r"DO)\b"),
}


def is_code(name: str) -> bool:
    if name.startswith(STUBS):
        return False
    return (
        name.endswith(CODE) or os.path.basename(name) == "Makefile" or text(name).startswith("#!")
    )


CODE_FILES = [n for n in TREE if is_code(n)]


def test_code_names_its_licence() -> None:
    line = "SPDX-License-Identifier: MIT"
    assert CODE_FILES
    assert [n for n in CODE_FILES if line not in "".join(text(n).splitlines()[:3])] == []


@pytest.mark.parametrize("what", PRIVATE)
def test_nothing_private_is_in_the_tree(what: str) -> None:
    matches = {name: PRIVATE[what].search(text(name)) for name in TREE}
    assert {name: m.group() for name, m in matches.items() if m} == {}


@pytest.mark.parametrize(
    "line",
    ["see /ro" + "ot/x", '"/ho' + 'me/ann/y"', str(ROOT) + "/z", "a@b." + "com", "TO" + "DO: w"],
)
def test_what_is_private_is_seen(line: str) -> None:
    assert any(pattern.search(line) for pattern in PRIVATE.values())


def test_lines_end_tidily() -> None:
    assert [n for n in CODE_FILES if re.search(r"[ \t\r]$", text(n), re.MULTILINE)] == []
    assert [n for n in CODE_FILES if not re.search(r"[^\n]\n\Z", text(n))] == []


def test_files_have_at_most_600_lines() -> None:
    lengths = {n: text(n).count("\n") for n in CODE_FILES}
    # The manual is one page, as long as it must be.
    assert {n: lines for n, lines in lengths.items() if lines > 600 and not n.endswith(".1")} == {}


def test_json_parses() -> None:
    for name in TREE:
        if name.endswith(".json"):
            try:
                json.loads(text(name))
            except ValueError as wrong:
                pytest.fail("%s: %s" % (name, wrong))


def test_what_a_measured_interpreter_runs_is_python_3_8() -> None:
    for name in TREE:
        if name.endswith(".py") and name.startswith(("ext/", "workloads/")):
            ast.parse(text(name), filename=name, feature_version=(3, 8))


def clang_format() -> List[str]:
    """The formatter of the version that the tree is written with."""
    for name in ("clang-format-%d" % CLANG_FORMAT_MAJOR, "clang-format"):
        program = shutil.which(name)
        if not program:
            continue
        told = subprocess.run([program, "--version"], stdout=subprocess.PIPE, check=True)
        version = re.search(rb"version (\d+)", told.stdout)
        if version and int(version.group(1)) == CLANG_FORMAT_MAJOR:
            return [program]
    pytest.skip("clang-format %d is not installed" % CLANG_FORMAT_MAJOR)


def test_c_is_formatted() -> None:
    done = subprocess.run(
        [*clang_format(), "--dry-run", "--Werror", "--style=file", *C_SOURCES],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    wrong = sorted({line.split(":")[0] for line in done.stdout.splitlines() if ": error:" in line})
    assert not wrong, "run clang-format -i on: %s" % " ".join(wrong)
    assert done.returncode == 0, done.stdout


def test_make_help_names_every_target() -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}
    env["LC_ALL"] = "C"

    def make(*args: str) -> str:
        return subprocess.run(
            ["make", "--no-print-directory", *args],
            cwd=str(ROOT),
            stdout=subprocess.PIPE,
            universal_newlines=True,
            env=env,
        ).stdout

    phony = re.findall(r"^\.PHONY:(.*)", make("-npq", "help"), re.MULTILINE)
    targets = {name for line in phony for name in line.split()}
    assert {"run", "test", "install"} <= targets
    told = set(re.findall(r"^  ([a-z0-9-]+) ", make("help"), re.MULTILINE))
    assert sorted(targets - told) == []
