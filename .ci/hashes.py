#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes workloads/bindings/hashes.json: the SHA-256 of every file of every pinned version.

Usage: hashes.py   (after a change of requirements.json). Needs `uv` (pip install uv), which asks the
index that it is set up for. A hash that is already noted and that the index no longer has is an error.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

FOLDER = Path(__file__).resolve().parents[1] / "workloads" / "bindings"


def asked(name: str, version: str, python: str) -> List[str]:
    """All files of a version, as uv knows them: wheels of every platform, and the source."""
    command = ["uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-deps"]
    command += ["--no-header", "--no-annotate", "--python-version", python, "-"]
    wanted = "%s==%s" % (name, version)
    try:
        done = subprocess.run(command, input=wanted, stdout=subprocess.PIPE, text=True, check=True)
    except FileNotFoundError:
        sys.exit("hashes: there is no uv: pip install uv")
    except subprocess.CalledProcessError:
        sys.exit("hashes: uv can't resolve %s for Python %s" % (wanted, python))
    found = sorted(set(re.findall(r"--hash=sha256:([0-9a-f]{64})", done.stdout)))
    return found or sys.exit("hashes: the index gives no hash of %s" % wanted)


def main() -> None:
    pinned = json.loads((FOLDER / "requirements.json").read_text(encoding="utf-8"))
    file = FOLDER / "hashes.json"
    known: Dict[str, List[str]] = json.loads(file.read_text()) if file.exists() else {}
    made: Dict[str, List[str]] = {}
    for name, rows in pinned.items():
        for row in rows:
            if "version" not in row:
                continue
            wanted = "%s==%s" % (name, row["version"])
            version = re.search(r"3\.\d+", row.get("python", "3.8"))
            made[wanted] = asked(name, row["version"], version.group() if version else "3.8")
            # A wheel may be added to a version, but none may ever change.
            gone = set(known.get(wanted, [])) - set(made[wanted])
            if gone:
                sys.exit("hashes: %s has no file %s any more: why?" % (wanted, sorted(gone)[0]))
            print("%s: %d files" % (wanted, len(made[wanted])))
    file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
