# SPDX-License-Identifier: MIT
"""Setting a machine up: only what is missing, said first, and never against the user's word."""

import os
import subprocess
from pathlib import Path
from typing import Dict, List, Optional

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "deps.sh"
NEEDED = "gcc libc6-dev make pkg-config libjansson-dev libunwind-dev"
NEEDED += " python3 python3-dev python3-venv"
OPTIONAL = "gnuplot-nox fonts-dejavu-core"


class Machine:
    """A made-up Debian: programs that note how they were called, and nothing else on PATH."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls_file = folder / "calls"
        self.calls_file.touch()
        self.installed: List[str] = (NEEDED + " " + OPTIONAL).split()
        self.unknown: List[str] = []  # to apt
        for tool in ("sh", "env", "uname"):
            (self.bin / tool).symlink_to(Path("/bin") / tool)
        self.add(
            "dpkg-query",
            """for package; do :; done
case " $HAVE " in *" $package "*) printf installed;; *) exit 1;; esac""",
        )
        self.add(
            "apt-get",
            """echo "apt-get $*" >>"$CALLS"
for unknown in $UNKNOWN; do case " $* " in *" $unknown "*) exit 100;; esac; done""",
        )
        self.add("id", "echo 1000")
        self.add("sudo", 'echo sudo >>"$CALLS"; exec "$@"')

    def add(self, name: str, body: str) -> None:
        program = self.bin / name
        program.write_text("#!/bin/sh\n%s\n" % body)
        program.chmod(0o755)

    def deps(
        self, *sets: str, env: Optional[Dict[str, str]] = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", str(SCRIPT), *sets],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            env={
                "PATH": str(self.bin),
                "HAVE": " ".join(self.installed),
                "UNKNOWN": " ".join(self.unknown),
                "CALLS": str(self.calls_file),
                **(env or {}),
            },
        )

    @property
    def calls(self) -> List[str]:
        return self.calls_file.read_text().splitlines()


@pytest.fixture(name="machine")
def fixture_machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_missing_calls_nothing(machine: Machine) -> None:
    done = machine.deps("run")
    assert (done.returncode, done.stderr, machine.calls) == (0, "", [])


def test_only_what_is_missing_is_installed_and_said_first(machine: Machine) -> None:
    machine.installed.remove("libunwind-dev")
    done = machine.deps("run")
    assert done.returncode == 0, done.stderr
    assert "installing with sudo apt-get: libunwind-dev (SKIP_DEPS=1" in done.stderr
    assert machine.calls[0] == "sudo" and machine.calls[1].endswith(" update")
    assert machine.calls[-1].endswith(" install libunwind-dev")
    assert "gcc" not in machine.calls[-1]


def test_skip_deps_leaves_the_system_alone(machine: Machine) -> None:
    machine.installed = []
    done = machine.deps("run", "test", env={"SKIP_DEPS": "1"})
    assert (done.returncode, machine.calls) == (0, [])


def test_root_needs_no_sudo(machine: Machine) -> None:
    machine.installed.remove("gcc")
    machine.add("id", "echo 0")
    assert machine.deps("run").returncode == 0
    assert "sudo" not in machine.calls


def test_an_optional_package_that_apt_lacks_is_no_failure(machine: Machine) -> None:
    machine.installed = NEEDED.split()
    machine.unknown = ["fonts-dejavu-core"]
    done = machine.deps("run")
    assert done.returncode == 0
    assert "going on without fonts-dejavu-core" in done.stderr
    assert machine.calls[-1].endswith(" install fonts-dejavu-core")
    assert any(call.endswith(" install gnuplot-nox") for call in machine.calls)


def test_a_needed_package_that_apt_lacks_is_a_failure_that_names_it(machine: Machine) -> None:
    machine.installed.remove("libjansson-dev")
    machine.unknown = ["libjansson-dev"]
    done = machine.deps("run")
    assert done.returncode == 1
    assert "could not install: libjansson-dev" in done.stderr


@pytest.mark.parametrize("missing, code", [("make", 1), ("gnuplot-nox", 0)])
def test_neither_root_nor_sudo(machine: Machine, missing: str, code: int) -> None:
    machine.installed.remove(missing)
    os.unlink(str(machine.bin / "sudo"))
    done = machine.deps("run")
    assert (done.returncode, machine.calls) == (code, [])
    assert "as root: apt-get install " + missing in done.stderr


def test_no_apt_names_what_is_needed(machine: Machine) -> None:
    os.unlink(str(machine.bin / "apt-get"))
    done = machine.deps("run")
    assert done.returncode == 0
    assert "libunwind-dev" in done.stderr


def test_what_obtaining_interpreters_likes_is_optional(machine: Machine) -> None:
    machine.unknown = ["patchelf"]
    done = machine.deps("interpreters")
    assert done.returncode == 0
    assert "going on without patchelf" in done.stderr
