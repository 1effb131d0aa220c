# SPDX-License-Identifier: MIT
"""Every shell script is clean under shellcheck, as a word without quotes can delete a folder."""

import shutil
import subprocess
from pathlib import Path
from typing import List

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Names cross the files of ext/interpreters, which lane.sh joins, and its `set -e` holds for them all.
ACROSS = ["-e", "SC1090,SC1091,SC2034,SC2154,SC2164"]


def scripts() -> List[str]:
    """Everything that a shell reads: by its name, or by its first line."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=str(ROOT), stdout=subprocess.PIPE)
    found = []
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if not name or not path.is_file() or path.is_symlink():
            continue
        with path.open("rb") as stream:
            first = stream.readline(80)
        if name.endswith(".sh") or (first.startswith(b"#!") and first.strip().endswith(b"sh")):
            found.append(name)
    return found


@pytest.mark.parametrize("name", scripts())
def test_shellcheck_is_content(name: str) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    across = ACROSS if name.startswith("ext/interpreters/") else []
    done = subprocess.run(
        ["shellcheck", "-x", *across, name],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout
