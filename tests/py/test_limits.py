# SPDX-License-Identifier: MIT
"""Where the system refuses something, the message names what and the way out; where it can be done
without, it is."""

import errno
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest

from conftest import PROBE_BIN, ROOT, Done, Probe, cells

NOTHING, USAGE = 1, 2
QUICK = ["--passes", "1", "--rounds", "10"]


@pytest.mark.parametrize("files", [8, 16, 24])
def test_too_few_file_descriptors(fake: Probe, python: str, files: int) -> None:
    done = limited(fake, "ulimit -n %d" % files, "run", "add", "-i", python, "-p", "good", *QUICK)
    line = done.one_error(NOTHING, "ulimit -n` is %d" % files, "ulimit -n 1024")
    assert "no interpreter" not in line


def test_too_few_processes(fake: Probe, python: str, tmp_path: Path) -> None:
    """Root is above that limit: then another user runs the command."""
    command = ["run", "add", "-i", python, "-p", "good", *QUICK]
    user = ""
    if os.geteuid() == 0:
        user = "setpriv --reuid 54321 --clear-groups "
        for command[3] in (python, "/usr/bin/python3"):
            files = shlex.join([str(PROBE_BIN), "-a", "-x", command[3]])
            if subprocess.run(user + "test -x " + files, shell=True).returncode == 0:
                break
        else:
            pytest.skip("no other user can run the command here, or there is no setpriv")
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        os.chmod(folder, 0o711)
        own = Path(folder) / "own"
        own.mkdir()
        if user:
            os.chown(own, 54321, 54321)
        fake.env["XDG_CACHE_HOME"] = str(own)
        done = limited(fake, "ulimit -u 1", *command, prefix=user, cwd=folder)
    line = done.one_error(NOTHING, "limit on processes is reached", "`ulimit -u` is 1", "raise it")
    assert "no interpreter" not in line


def limited(
    probe: Probe, limit: str, *args: Any, prefix: str = "", cwd: Optional[str] = None
) -> Done:
    command = "%s; exec %s%s" % (limit, prefix, shlex.join([str(PROBE_BIN), *map(str, args)]))
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=probe.env,
        text=True,
        cwd=cwd,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_deleted_working_directory(probe: Probe, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = limited(probe, "rmdir " + shlex.quote(str(gone)), "list", "paths", cwd=str(gone))
    done.one_error(USAGE, "the working directory was deleted: cd to another one")


def test_a_cache_whose_path_is_not_utf8(probe: Probe, python: str, tmp_path: Path) -> None:
    probe.env["XDG_CACHE_HOME"] = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    for command in (["run", "add", "-i", python, *QUICK], ["cache", "size"]):
        done = probe(*command)
        line = done.one_error(done.code, "not UTF-8", "XDG_CACHE_HOME")
        assert done.code in (NOTHING, USAGE)
        assert "memory" not in line


@pytest.mark.parametrize("what", ["TMPDIR", "workload", "PROBE_WORKLOADS", "library", "output"])
def test_a_path_that_is_not_utf8(probe: Probe, python: str, tmp_path: Path, what: str) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    odd.mkdir()
    shutil.copytree(ROOT / "workloads" / "add", odd / "mine")
    description = odd / "mine" / "workload.json"
    description.write_text(description.read_text().replace('"name": "add"', '"name": "mine"'))
    operands = ["mine" if what == "PROBE_WORKLOADS" else "add"]
    if what == "workload":
        operands = [str(odd / "mine")]
    elif what == "library":
        (odd / "f.c").write_text("int one(void) { return 1; }\n")
        operands = [str(odd / "f.c"), "int one(void)", "--args", ""]
    elif what != "output":
        probe.env[what] = str(odd)
    out = (odd if what == "output" else tmp_path) / "run.json"
    done = probe("run", *operands, "-p", "python,ctypes", "-i", python, "-o", out, *QUICK)
    if what == "output":  # nothing is handed on: any name will do
        assert done.code == 0 and out.exists()
        return
    names = {"TMPDIR": "TMPDIR", "library": "library"}.get(what, "workload")
    done.one_error(done.code, "not UTF-8", names, "\\xff")
    assert done.code in (NOTHING, USAGE) and "memory" not in done.err


@pytest.fixture
def noexec(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "noexec"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "noexec,size=50m", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_temporary_folder_that_is_noexec(probe: Probe, python: str, noexec: Path) -> None:
    done = probe(
        *["run", "libm.so.6", "double hypot(double x, double y)", "--args", "3.0, 4.0"],
        *["-p", "ctypes", "-i", python, *QUICK],
        TMPDIR=str(noexec),
    )
    assert "noexec; set TMPDIR to a folder on another" in done.one_error(done.code, str(noexec))


def test_a_cache_that_is_noexec(probe: Probe, python: str, noexec: Path) -> None:
    done = probe("run", "add", "-p", "ctypes", "-i", python, *QUICK, XDG_CACHE_HOME=str(noexec))
    assert "noexec: set XDG_CACHE_HOME to a folder on another" in done.one_error(NOTHING)


# Lets every system call pass but sched_setaffinity, whose number comes first.
FORBID = """
import ctypes, os, struct, sys
number, code = int(sys.argv[1]), int(sys.argv[2])
rows = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, 0x50000 | code), (6, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("=HBBI", *row) for row in rows)
buffer = ctypes.create_string_buffer(code, len(code))
program = ctypes.create_string_buffer(struct.pack("HP", len(rows), ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):
    sys.exit(77)
os.execv(sys.argv[3], sys.argv[3:])
"""


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOSYS])
def test_without_sched_setaffinity(
    probe: Probe, python: str, tmp_path: Path, code: int
) -> None:
    number = {"x86_64": 203, "aarch64": 122}.get(os.uname().machine)
    if number is None:
        pytest.skip("no number of sched_setaffinity is known for this processor")
    out = tmp_path / "run.json"
    command = [PROBE_BIN, "run", "add", "-p", "python,ctypes", "-i", python, "-o", out, *QUICK]
    done = subprocess.run(
        [sys.executable, "-c", FORBID, str(number), str(code), *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=probe.env,
        text=True,
    )
    if done.returncode == 77:
        pytest.skip("no system call can be forbidden here")
    assert done.returncode == 0, done.stderr
    for cell in cells(out).values():
        assert cell["status"] == "ok"
        assert any("can't pin to CPU" in w and "noisier" in w for w in cell["warnings"])
