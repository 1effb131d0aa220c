# SPDX-License-Identifier: MIT
"""A fresh clone, a fresh virtual environment, `pip install ./ext`, and the package's own tests there:
on the oldest CPython, on 3.11, 3.13, every free-threaded build and the newest that the command finds
(PROBE_FRESH=all: on every one; PROBE_FRESH=3.12,3.14: on these). Needs a network."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("PROBE_COMMAND", "")
ALWAYS = ((3, 11), (3, 13))
# What some tests need, where there is a build of it: without it they are skipped, and say so.
OPTIONAL = ["cffi", "numpy", "pandas", "ipykernel>=6.29 nbclient>=0.10 nbformat>=5.10", "mypy"]
WITHOUT = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_PRELOAD"}
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in WITHOUT}

pytestmark = pytest.mark.slow


def found() -> List[Tuple[str, str]]:
    """(label, executable) of one build for each version, with and without a GIL."""
    if not COMMAND:
        return []
    listed = subprocess.run(
        [COMMAND, "list", "interpreters", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    builds: Dict[Tuple[Tuple[int, ...], bool], Tuple[Tuple[int, ...], str, str]] = {}
    for one in json.loads(listed.stdout)["interpreters"]:
        if one["implementation"] != "cpython" or one["environment"] or one["debug"]:
            continue
        version = tuple(int(n) for n in re.findall(r"\d+", one["version"])[:3])
        key = (version[:2], bool(one["free_threaded"]))
        builds[key] = max(
            builds.get(key, ((0,), "", "")), (version, one["label"], one["executable"])
        )
    wanted = os.environ.get("PROBE_FRESH", "")
    ends = (min(builds)[0], max(builds)[0]) if builds else ()
    chosen = []
    for (version, free_threaded), (_, label, executable) in sorted(builds.items()):
        name = "%d.%d%s" % (version[0], version[1], "t" if free_threaded else "")
        by_itself = free_threaded or version in ALWAYS or version in ends
        if wanted == "all" or name in wanted.split(",") or (not wanted and by_itself):
            chosen.append((label, executable))
    return chosen


def run(*command: Any, cwd: Any = None, **more: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=dict(ENVIRONMENT, **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def clone(folder: Path) -> Path:
    """The files that a clone of the last commit would have, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=str(ROOT), stdout=subprocess.PIPE)
    names = listed.stdout.decode().split("\0")[:-1] if listed.returncode == 0 else []
    if not names:
        pytest.skip("not a checkout of git")
    for name in names:
        copy = folder / name
        if (ROOT / name).is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(ROOT / name), str(copy))
    return folder


@pytest.mark.parametrize("label, executable", found(), ids=lambda value: os.path.basename(value))
def test_it_installs_and_passes(label: str, executable: str, tmp_path: Path) -> None:
    tree, venv = clone(tmp_path / "clone"), tmp_path / "venv"
    run(executable, "-m", "venv", venv)
    python = venv / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "./ext", cwd=tree)
    run(*pip, "pytest")
    missing = []
    for packages in OPTIONAL:
        try:
            run(*pip, "--only-binary", ":all:", *packages.split())
        except AssertionError:
            missing.append(packages)
    told = run(
        python, "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir", "tests", "-q", "-m", "not slow",
        "tests/package", cwd=tree, PROBE_COMMAND=COMMAND,
    )  # fmt: skip
    print("%s, without %s: %s" % (label, ", ".join(missing) or "nothing", told.splitlines()[-1]))


def test_a_source_distribution_makes_the_same_wheel(tmp_path: Path) -> None:
    tree = clone(tmp_path / "clone")
    run(sys.executable, "setup.py", "-q", "sdist", "-d", tmp_path / "sdist", cwd=tree / "ext")
    (archive,) = (tmp_path / "sdist").iterdir()
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*wheel, "-w", tmp_path / "one", archive)
    run(*wheel, "-w", tmp_path / "two", "./ext", cwd=tree)
    contents = []
    for folder in ("one", "two"):
        (file,) = (tmp_path / folder).iterdir()
        listed = run(sys.executable, "-m", "zipfile", "-l", file)
        names = sorted(line.split()[0] for line in listed.splitlines()[1:])
        contents.append([name for name in names if name.startswith("probe/")])
    assert contents[0] == contents[1] and "probe/paths.json" in contents[0]
    assert not [name for name in contents[0] if "_cell" in name or "_build" in name]


def test_what_is_no_cpython_is_told_what_to_do(tmp_path: Path) -> None:
    listed = subprocess.run([COMMAND, "list", "interpreters", "--json"], stdout=subprocess.PIPE)
    others = [
        one["executable"]
        for one in json.loads(listed.stdout)["interpreters"]
        if one["implementation"] == "pypy"
    ]
    if not others:
        pytest.skip("there is no PyPy here")
    run(others[0], "-m", "venv", tmp_path / "venv")
    with pytest.raises(AssertionError, match="use the command"):
        run(tmp_path / "venv" / "bin" / "python", "-m", "pip", "install", ROOT / "ext")
