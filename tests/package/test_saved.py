# SPDX-License-Identifier: MIT
"""save() writes a file whole or not at all, however the process ends."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

import probe

# Sends a signal when the bytes are written and the file is not yet in its place; named: on a file
# system whose files all have names.
AT_FSYNC = """
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd)
{
	(void)fd;
	return kill(getpid(), atoi(getenv("TEST_SIGNAL")));
}

int open(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	if (getenv("TEST_NAMED") && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
"""
SAVE = "import signal, sys, probe; signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
SAVE += "probe.load(sys.argv[1]).save(sys.argv[2])"


@pytest.fixture(name="source", scope="module")
def fixture_source(tmp_path_factory: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("run") / "run.json"
    probe.measure(len, (), rounds=10, passes=1, progress=False).save(path)
    return path


@pytest.fixture(name="interposer", scope="module")
def fixture_interposer(tmp_path_factory: Any) -> str:
    folder: Path = tmp_path_factory.mktemp("interposer")
    (folder / "at.c").write_text(AT_FSYNC)
    library = str(folder / "at.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, str(folder / "at.c")], check=True)
    return library


ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize(
    ("sig", "named"), [(signal.SIGKILL, False), *((s, n) for s in ENDING for n in (False, True))]
)
def test_a_signal_leaves_no_part_of_a_file(
    source: Path, interposer: str, tmp_path: Path, sig: signal.Signals, named: bool
) -> None:
    environment: Dict[str, str] = {"LD_PRELOAD": interposer, "TEST_SIGNAL": str(int(sig))}
    if named:
        environment["TEST_NAMED"] = "1"
    target = tmp_path / "saved.json"
    command: List[str] = [sys.executable, "-c", SAVE, str(source), str(target)]
    done = subprocess.run(command, stderr=subprocess.PIPE, env=environment)
    assert done.returncode == -sig, done.stderr
    assert [p for p in tmp_path.iterdir() if p != target] == []
    if target.exists():
        assert probe.load(target)
