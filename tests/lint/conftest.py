# SPDX-License-Identifier: MIT
"""What the lint tests share: the tree's files."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parents[2]
PROBE_BIN = (ROOT / os.environ.get("PROBE_BIN", "build/probe")).resolve()
PUBLIC = sorted((ROOT / "libprobe" / "include" / "probe").glob("*.h"))


def tree() -> List[str]:
    """Every file of the project, relative to its root: not what was built, not what is ignored."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=str(ROOT),
            stdout=subprocess.PIPE,
        )
        if listed.returncode == 0:
            names = listed.stdout.decode().split("\0")
            return sorted(name for name in names if name and (ROOT / name).is_file())
    found: List[str] = []
    for folder, folders, names in os.walk(str(ROOT)):
        at_root = folder == str(ROOT)
        folders[:] = [
            f
            for f in folders
            if f not in ("__pycache__", ".git", ".pytest_cache")
            and not (at_root and f.startswith("build"))
        ]
        found += [os.path.relpath(os.path.join(folder, name), str(ROOT)) for name in names]
    return sorted(found)


def text(name: str) -> str:
    """A file's text; "" for one that is not text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
