# SPDX-License-Identifier: MIT
"""An installed probe works by itself: the command, the library through pkg-config, uninstalling."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE_BIN = (ROOT / os.environ.get("PROBE_BIN", "build/probe")).resolve()
# As most have it, and as hard as a path can be made: make takes $ and # for itself, and the dynamic
# loader ; and :.
PREFIXES = ["/opt/probe", "/opt mine/it's \"pröbe\" & co |x"]

PROGRAM = r"""
#include <probe/probe.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct probe_error err = {0};
	struct probe_run *run = probe_run_new(), *again = NULL;
	if (argc != 2 || !run || !probe_run_add_cell(run, "add", "ctypes", "cpython-3.13.0"))
		return 1;
	if (probe_run_save(run, argv[1], &err) || probe_run_load(argv[1], &again, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	printf("%s %zu %s\n", PROBE_VERSION, again->cell_count, again->cells[0].path);
	probe_run_free(run);
	probe_run_free(again);
	return 0;
}
"""


def run(
    command: List[Any], env: Optional[Dict[str, str]] = None, **kwargs: Any
) -> "subprocess.CompletedProcess[str]":
    """Runs without the settings that a user may have for probe."""
    dropped = ("PROBE_", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",  # pkg-config quotes each byte of a letter
        timeout=300,
        env={**kept, **(env or {})},
        **kwargs,
    )


def make(
    target: str, destdir: Optional[Path], prefix: str = PREFIXES[0], fails: bool = False
) -> "subprocess.CompletedProcess[str]":
    # The settings of a make around this test hold (CC=..., say), its job server doesn't.
    settings = os.environ.get("MAKEFLAGS", "").partition(" -- ")[2]
    done = run(
        [
            "make",
            "--no-print-directory",
            "B=" + os.path.relpath(str(PROBE_BIN.parent), str(ROOT)),
            "DESTDIR=%s" % (destdir or ""),
            "PREFIX=" + prefix,
            target,
        ],
        env={"MAKEFLAGS": " -- " + settings if settings else "", "MAKELEVEL": "0"},
        cwd=str(ROOT),
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done


def files(folder: Path) -> List[str]:
    return sorted(
        str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_symlink() or p.is_file()
    )


def interpreter() -> str:
    """A CPython with headers: the one that runs the tests, else the first python3 on PATH."""
    if (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return os.path.realpath(sys.executable)
    found = shutil.which("python3")
    if not found:
        pytest.skip("there is no python3 with headers")
    return found


@pytest.fixture(scope="module", name="installed", params=PREFIXES, ids=["plain", "hard"])
def fixture_installed(request: Any, tmp_path_factory: Any) -> Tuple[Path, str]:
    folder: Path = tmp_path_factory.mktemp("dest")
    make("install", folder, request.param)
    return folder, request.param


@pytest.fixture(name="destdir")
def fixture_destdir(installed: Tuple[Path, str]) -> Path:
    return installed[0]


@pytest.fixture(name="prefix")
def fixture_prefix(installed: Tuple[Path, str]) -> Path:
    return installed[0] / installed[1].lstrip("/")


def test_the_promised_files_are_there(prefix: Path) -> None:
    there = files(prefix)
    for name in (
        "bin/probe",
        "include/probe/probe.h",
        "lib/libprobe.a",
        "lib/libprobe.so",
        "lib/libprobe.so.0",
        "lib/pkgconfig/libprobe.pc",
        "share/bash-completion/completions/probe",
        "share/zsh/site-functions/_probe",
        "share/man/man1/probe.1",
        "share/probe/ext/probe/_build.py",
        "share/probe/libprobe/src/py/module.c",
        "share/probe/plots/breakdown.gp",
        "share/probe/workloads/add/workload.json",
    ):
        assert name in there
    assert not [name for name in there if "__pycache__" in name or name.endswith(".pyc")]


def test_nothing_installed_names_the_build_folder(destdir: Path, prefix: Path) -> None:
    for name in ("lib/pkgconfig/libprobe.pc", "share/man/man1/probe.1"):
        text = (prefix / name).read_text()
        assert str(destdir) not in text and str(ROOT) not in text


def test_the_installed_command_measures(prefix: Path, tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    probe = prefix / "bin" / "probe"
    before = files(prefix)
    listed = run([probe, "list", "workloads"], env, cwd=str(tmp_path))
    assert listed.returncode == 0, listed.stderr
    assert "noop" in listed.stdout
    # Paths that need no package, so that this works without a network too.
    paths = "python,ctypes,capi-varargs"
    command = [probe, "run", "noop", "--fast", "-p", paths, "-i", interpreter(), "-o", "run.json"]
    measured = run(command, env, cwd=str(tmp_path))
    assert measured.returncode == 0, measured.stderr
    cells = json.loads((tmp_path / "run.json").read_text())["probe"]["cells"]
    assert {(c["path"], c["status"]) for c in cells} == {(p, "ok") for p in paths.split(",")}
    if shutil.which("gnuplot"):
        drawn = run([probe, "plot", "run.json", "-o", "run.svg"], env, cwd=str(tmp_path))
        assert drawn.returncode == 0, drawn.stderr
    # It left the installed data alone.
    assert files(prefix) == before


def test_a_program_builds_against_the_installed_library(
    destdir: Path, prefix: Path, tmp_path: Path
) -> None:
    if not shutil.which("pkg-config"):
        pytest.skip("pkg-config is not installed")
    found = run(
        ["pkg-config", "--cflags", "--libs", "libprobe"],
        {
            "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig"),
            "PKG_CONFIG_SYSROOT_DIR": str(destdir),
        },
    )
    assert found.returncode == 0, found.stderr
    (tmp_path / "program.c").write_text(PROGRAM)
    compiler = shlex.split(os.environ.get("CC", "cc"))
    built = run(
        [*compiler, "-Werror", "-o", "program", "program.c", *shlex.split(found.stdout)],
        cwd=str(tmp_path),
    )
    assert built.returncode == 0, built.stderr
    ran = run(
        ["./program", "run.json"], {"LD_LIBRARY_PATH": str(prefix / "lib")}, cwd=str(tmp_path)
    )
    assert ran.returncode == 0, ran.stderr
    version = run([prefix / "bin" / "probe", "--version"]).stdout.split()[-1]
    assert ran.stdout.split() == [version, "1", "ctypes"]


@pytest.mark.parametrize("prefix", PREFIXES, ids=["plain", "hard"])
def test_uninstall_leaves_nothing(tmp_path: Path, prefix: str) -> None:
    make("install", tmp_path, prefix)
    other = tmp_path / prefix.lstrip("/") / "bin" / "other"
    other.write_text("someone else's\n")
    make("uninstall", tmp_path, prefix)
    assert files(tmp_path) == [str(other.relative_to(tmp_path))]


def test_uninstall_does_not_touch_a_neighbour(tmp_path: Path) -> None:
    """A blank in PREFIX must not split it into two folders to delete."""
    neighbour = tmp_path / "opt" / "precious"
    neighbour.mkdir(parents=True)
    (neighbour / "file").write_text("mine\n")
    (tmp_path / "opt" / "bin").mkdir()
    (tmp_path / "opt" / "bin" / "probe").write_text("mine\n")
    make("uninstall", tmp_path, "/opt mine")
    make("uninstall", None, "%s/opt mine" % tmp_path)
    assert files(tmp_path) == ["opt/bin/probe", "opt/precious/file"]


@pytest.mark.parametrize("prefix", ["", "relative/folder", "it's here"])
@pytest.mark.parametrize("target", ["install", "uninstall"])
def test_a_prefix_that_is_not_absolute_is_refused(
    tmp_path: Path, target: str, prefix: str
) -> None:
    done = make(target, tmp_path, prefix, fails=True)
    assert "PREFIX is '%s': give an absolute path" % prefix in done.stderr
    assert files(tmp_path) == []


@pytest.mark.parametrize("folder", ["a build", "it's"])
def test_a_build_folder_that_make_cannot_have_is_refused(folder: str) -> None:
    done = run(["make", "-n", "B=" + folder, "all"], {"MAKEFLAGS": ""}, cwd=str(ROOT))
    assert done.returncode == 2
    assert 'is "%s": give it a name without blanks and quotes' % folder in done.stderr
